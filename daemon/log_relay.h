#pragma once
// A task's log, from wherever it comes to an HTTP client: plain bytes, both streams in the order
// in which they came. A log of any length reaches a slow client whole: its source waits meanwhile.
// A source that breaks off is seen as a reply that breaks off; a client that hangs up ends the
// source's stream.

#include <memory>

#include "http/client.h"
#include "http/server.h"
#include "runtime/runtime.h"

namespace cube::daemon {

// From another daemon's `/tasks/{id}/logs`; `gone`, unless empty, is said instead of its "no such
// task". On the loop's thread.
void relay_logs(http::Client& client, const http::Endpoint& from, const std::string& target,
                const std::string& gone, std::shared_ptr<http::Responder> to);

// From the engine. On the loop's thread.
void relay_logs(runtime::Runtime& runtime, const std::string& container,
                const runtime::LogOptions& options, std::shared_ptr<http::Responder> to);

}  // namespace cube::daemon
