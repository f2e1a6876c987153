#include "daemon/event_feed.h"

#include <fmt/format.h>

#include "api/codec.h"

namespace cube::daemon {
namespace {

constexpr Duration heartbeat_every = 15s;  // a comment line, so that a dead follower is noticed

std::string message(const std::vector<Event>& events) {
  std::string out;
  for (const auto& event : events) {
    out += fmt::format("id: {}\nevent: {}\ndata: {}\n\n", event.revision, event.kind,
                       api::event_json(event));
  }
  return out;
}

}  // namespace

void EventFeed::follow(std::shared_ptr<http::Responder> responder, std::vector<Event> backlog) {
  loop_.post([state = state_, &loop = loop_, responder = std::move(responder),
              text = message(backlog)] {
    auto body = responder->stream({200, {}, "text/event-stream", {{"Cache-Control", "no-store"}}});
    // Something at once: a follower knows that it is connected, whatever happens next.
    if (!body->write(": cube events\n\n" + text)) return;
    state->followers.push_back(std::move(body));
    if (!state->heartbeat) beat(loop, state);
  });
}

void EventFeed::publish(std::vector<Event> events) {
  if (events.empty()) return;
  loop_.post([state = state_, events = std::move(events)] {
    if (state->followers.empty()) return;
    const std::string text = message(events);
    // One who reads too slowly is dropped; it comes back with Last-Event-ID and misses nothing.
    state->followers.remove_if([&](const auto& follower) { return !follower->write(text); });
  });
}

void EventFeed::beat(http::Loop& loop, const std::shared_ptr<State>& state) {
  state->heartbeat = loop.after(heartbeat_every, [&loop, weak = std::weak_ptr(state)] {
    auto alive = weak.lock();
    if (!alive) return;
    alive->followers.remove_if([](const auto& follower) { return !follower->write(":\n\n"); });
    beat(loop, alive);
  });
}

}  // namespace cube::daemon
