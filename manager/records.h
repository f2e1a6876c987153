#pragma once
// The manager's records: keys and bytes (docs/store-format.md, "Manager").
//
// A key is one table byte and the object's own key, in big endian where it is a number so that the
// order of bytes is the order of things. DO NOT CHANGE: stored.

#include <cstdint>
#include <string>

#include "base/result.h"
#include "manager/entries.h"
#include "store/store.h"

namespace cube::manager {

enum class Table : char {
  meta = 'M',        // one record
  node = 'N',        // node number, 4 bytes
  service = 'S',     // service id, 16 bytes
  task_by_id = 'T',  // task id, 16 bytes: of earlier versions, written anew under `task`
  event = 'E',       // revision, 8 bytes
  key = 'K',         // the idempotency key's text
  // Place in the order of submission, 8 bytes. The last table: new tasks go behind all there is.
  task = 't',
};

struct Meta {
  ManagerId id;
  std::uint64_t epoch = 0;
  std::uint32_t next_node = 1;
  std::string cluster;  // whose nodes and tasks these are; empty: written before this was
};

// How long, and how many, terminal tasks are remembered.
inline constexpr Duration ended_kept_for = 7 * 24h;
inline constexpr std::size_t ended_kept_max = 10'000;
inline constexpr Duration keys_kept_for = 24h;
inline constexpr std::size_t keys_kept_max = 10'000;
inline constexpr std::size_t key_bytes_max = 255;

// The least time between two moves of a task that keeps failing: 10 s, doubling, at most 10 min.
Duration pause_between_moves(std::uint32_t moves);

std::string task_key(std::uint64_t seq);
std::string old_task_key(const TaskId& id);
std::string node_key(NodeNo no);
std::string service_key(const ServiceId& id);
std::string event_key(std::uint64_t revision);
std::string idempotency_key(const std::string& key);

store::Write meta_record(const Meta& meta);
store::Write task_record(const TaskEntry& t);
store::Write node_record(const NodeEntry& n);
store::Write event_record(const Event& event);
store::Write key_record(const std::string& key, const Remembered& r);

Result<Meta> read_meta(std::string_view record);
Result<TaskEntry> read_task(std::string_view record, Kinds& kinds);  // its kind is entered
Result<NodeEntry> read_node(std::string_view record);
Result<Remembered> read_key(std::string_view record);

}  // namespace cube::manager
