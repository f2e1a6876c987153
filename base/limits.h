#pragma once
// Every limit of the program, with a name and a unit at its end.

#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace cube::limits {

// Outside bytes
inline constexpr std::size_t http_header_bytes_max = 16 * 1024;
inline constexpr std::size_t http_body_bytes_max = 4 * 1024 * 1024;
inline constexpr std::size_t link_body_bytes_max = 16 * 1024 * 1024;  // assignments and reports
inline constexpr std::size_t http_connections_max = 2048;
inline constexpr Duration http_header_timeout = 10s;
inline constexpr Duration http_body_timeout = 30s;
inline constexpr Duration http_idle_timeout = 75s;
// So long may the reader of a stream stand still, such as a person who pages through a log.
inline constexpr Duration http_stream_timeout = 10min;
// What a server holds for all its clients together: requests that are still coming in, replies that
// are not taken. Above it whoever has stood still the longest is let go.
inline constexpr std::size_t http_held_bytes_max = 32 * 1024 * 1024;
inline constexpr std::size_t http_progress_bytes = 16 * 1024;  // less than that is standing still
inline constexpr Duration http_reply_still_max = 1s;  // a reply is not cut off sooner for others
inline constexpr Duration http_linger = 2s;  // after a last reply: reads on, so that it arrives
inline constexpr std::size_t http_stream_waiting_bytes_max = 1024 * 1024;
// A writer that can wait stops above the high water mark and goes on at the low one.
inline constexpr std::size_t http_stream_high_water_bytes = 256 * 1024;
inline constexpr std::size_t http_stream_low_water_bytes = 64 * 1024;
inline constexpr std::size_t http_stream_unsent_bytes_max = 128 * 1024;  // in the kernel
inline constexpr std::size_t http_client_idle_max = 8;  // kept-alive connections per endpoint
inline constexpr Duration http_client_idle_timeout = 30s;
inline constexpr std::size_t json_depth_max = 64;
inline constexpr std::size_t engine_reply_bytes_max = 64 * 1024 * 1024;
inline constexpr std::size_t log_frame_bytes_max = 16 * 1024 * 1024;

// Task spec
inline constexpr std::size_t task_name_bytes_max = 128;
inline constexpr std::size_t task_image_bytes_max = 512;
inline constexpr std::size_t task_text_bytes_max = 32 * 1024;  // any one string of a spec
inline constexpr std::size_t task_list_items_max = 512;        // env, command, labels, mounts, ...
inline constexpr std::size_t task_ports_max = 128;
inline constexpr std::int64_t task_cpu_milli_max = 1'024'000;             // 1,024 cores
inline constexpr std::int64_t task_memory_bytes_min = 6LL * 1024 * 1024;  // the engine's least
inline constexpr std::int64_t task_bytes_max = 1LL << 50;                 // 1 PiB, memory or disk
inline constexpr std::int64_t task_pids_max = 4'194'304;                  // the kernel's most
inline constexpr Duration task_stop_grace_max = 1h;
inline constexpr Duration health_interval_min = 100ms;
inline constexpr Duration health_span_max = 24h;  // interval, timeout and start period
inline constexpr std::uint32_t health_retries_max = 100;

// Worker
inline constexpr std::size_t engine_operations_max = 8;  // create/start/stop/remove at once
inline constexpr std::size_t engine_pulls_max = 2;
inline constexpr std::size_t engine_inspects_max = 16;
inline constexpr Duration engine_relist_every = 1min;
inline constexpr Duration report_wait_max =
    30s;  // a long poll is not held longer, whatever it asks

// Restarts (worker): immediately, then 1 s doubling up to 5 min, with up to 10 % added by chance.
inline constexpr Duration restart_backoff_first = 1s;
inline constexpr Duration restart_backoff_max = 5min;
inline constexpr Duration restart_good_run = 1min;       // so long up, or healthy: count resets
inline constexpr std::uint32_t restart_default_max = 3;  // of the unset policy, in a row

// Leases of exclusive tasks. A later version may shorten the lease only if its manager still waits
// for the longer one: a worker may hold one that the version before granted.
inline constexpr Duration lease_ttl = 15s;
// The manager waits this much longer than the lease: for clocks that differ in speed, and for the
// worker to notice and act. Beyond it comes the task's own stop grace.
inline constexpr Duration lease_margin = lease_ttl / 2;
inline constexpr Duration lease_look_every = 1s;  // a timer does not run on in suspend
inline constexpr Duration lease_ttl_max = 10min;  // that a worker takes from a manager

// Manager
inline constexpr Duration node_deadline_default = 10s;
// A node that is lost so often within the window gets no new tasks for a while, doubling.
inline constexpr std::size_t quarantine_losses = 3;
inline constexpr Duration quarantine_window = 10min;
inline constexpr Duration quarantine_first = 10min;
inline constexpr Duration quarantine_max = 2h;
inline constexpr Duration report_poll_wait = 5s;  // long poll: at most this long without an answer
inline constexpr Duration sweep_every = 1min;
inline constexpr std::size_t events_kept_max = 10'000;
inline constexpr std::uint32_t moves_after_failures = 3;  // in a row in one attempt, then elsewhere
inline constexpr Duration avoid_node_for = 5min;          // after a failure that is the node's
inline constexpr Duration exited_container_kept_for = 1h;  // for its logs

// A core's thread: inputs of one commit, and for how long it takes more of them. A single input may
// take longer (thousands of tasks in one request).
inline constexpr std::size_t step_batch_inputs_max = 256;
inline constexpr Duration step_batch_time = 5ms;
inline constexpr std::size_t step_placements_max = 500;  // the rest is placed by the next steps
inline constexpr std::size_t step_sweep_max = 2000;      // tasks and rooms looked at, likewise

}  // namespace cube::limits
