// `cube events`: what changed, and with -f what changes. A broken stream is taken up again where it
// broke, with the number of the last event that was shown.

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ostream>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "cli/sse.h"
#include "cli/views.h"

namespace cube::cli {
namespace {

constexpr Duration kReconnectFirst = 250ms, kReconnectMax = 5s;

// Where to begin: after a revision, or with the first event of a time.
struct Since {
  std::uint64_t revision = 0;
  WallTime at;
};

Result<Since> since_of(const std::string& text, WallTime now) {
  Since since;
  if (text.empty()) return since;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, since.revision);
  if (error == std::errc() && stop == end) return since;
  since.revision = 0;
  if (const auto back = parse_duration(text); back.ok()) {
    since.at = now + -*back;
    return since;
  }
  if (const auto at = parse_time(text); at.ok()) {
    since.at = *at;
    return since;
  }
  return Error{Code::invalid,
               fmt::format("--since: `{}` is neither a revision (17) nor a duration (10m) nor a "
                           "time (2026-01-02T03:04:05Z)",
                           printable(text))};
}

class Events {
 public:
  Events(const EventsOptions& options, Io& io)
      : options_(options), io_(io), client_(options.manager) {}

  int operator()();

 private:
  void show_recorded(std::vector<Event> events);
  int follow(std::optional<std::uint64_t> last);
  void show(const Event& event) {
    if (options_.output == OutputFormat::json)
      io_.out << api::event_json(event) << '\n';
    else
      io_.out << event_line(event) << '\n';
    io_.out.flush();
  }

  const EventsOptions& options_;
  Io& io_;
  ManagerClient client_;
};

void Events::show_recorded(std::vector<Event> events) {
  if (options_.output == OutputFormat::json || options_.follow) {
    for (const Event& e : events) show(e);
    return;
  }
  io_.out << render(event_table(events), io_.color) << std::flush;
}

int Events::follow(std::optional<std::uint64_t> last) {
  Duration pause = kReconnectFirst;
  bool connected_once = last.has_value(), complained = false;
  while (true) {
    SseReader reader;
    const auto ended = client_.follow_events(last, [&](std::string_view piece) {
      connected_once = true;
      complained = false;
      pause = kReconnectFirst;
      for (const std::string& data : reader.feed(piece)) {
        const auto event = api::parse_event(data);
        if (!event.ok()) continue;  // of a newer version; its successor moves the number on
        last = event->revision;
        show(*event);
      }
      return io_.out.good();
    });
    if (!io_.out.good()) return exit_fine;
    if (!ended.ok()) {
      const bool final = !may_pass(ended.error()) || !connected_once;
      if (final) return fail(io_, ended.error());
      if (!std::exchange(complained, true)) fail(io_, ended.error());
    }
    if (!io_.sleep(pause)) return exit_interrupted;
    pause = std::min(pause * 2, kReconnectMax);
  }
}

int Events::operator()() {
  const auto since = since_of(options_.since, io_.wall_now());
  if (!since.ok()) return fail(io_, exit_usage, since.error().message);
  if (options_.follow && options_.since.empty()) return follow(std::nullopt);

  auto recorded = client_.events(since->revision);
  if (!recorded.ok()) return fail(io_, recorded.error());
  const std::uint64_t last = recorded->empty() ? since->revision : recorded->back().revision;
  std::erase_if(*recorded, [&](const Event& e) { return e.at < since->at; });
  show_recorded(std::move(recorded).value());
  return options_.follow ? follow(last) : exit_fine;
}

}  // namespace

int events(const EventsOptions& options, Io& io) {
  return Events(options, io)();
}

}  // namespace cube::cli
