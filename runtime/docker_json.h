#pragma once
// The Docker Engine's JSON, both ways: pure functions, the only place that knows the field names.
// What the engine sends is read leniently (a missing or odd member is its zero value); text that is
// not JSON at all is a `corrupt` error.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "runtime/runtime.h"

namespace cube::runtime {

// --- Requests
// -------------------------------------------------------------------------------------
std::string create_body(const ContainerConfig& config);
std::string exec_create_body(const std::vector<std::string>& command);
std::string exec_start_body();
// {"label":["k=v",...]} and, for events, the kinds that matter. Not yet encoded for a URL.
std::string list_filters(const std::map<std::string, std::string>& labels);
std::string event_filters(const std::map<std::string, std::string>& labels);

// --- Replies
// --------------------------------------------------------------------------------------
Result<std::vector<Container>> parse_list(std::string_view json);
struct Inspected {
  Container container;
  bool tty = false;
  std::string image;
};
Result<Inspected> parse_inspect(std::string_view json);
Result<std::string> parse_id(std::string_view json);  // {"Id": ...} of create and exec
struct ExecState {
  bool running = false;
  std::int32_t exit_code = 0;
  std::int32_t pid = 0;   // as this machine sees it, when the engine runs here; 0: none
  std::string container;  // full ID
};
Result<ExecState> parse_exec(std::string_view json);
Result<EngineInfo> parse_info(std::string_view json);
Result<std::string> parse_min_api_version(std::string_view json);  // of /version

// One line of /events; nothing when it is not about a container or not JSON.
std::optional<EngineEvent> parse_event(std::string_view line);

// One line of a pull.
struct PullLine {
  std::string layer;   // its id; empty: about the whole
  std::string status;  // "Downloading", "Pull complete", ...
  std::string error;   // not empty: the pull has failed
};
std::optional<PullLine> parse_pull_line(std::string_view line);

// The text of an error reply: the "message" member, or else the plain text, printable, never empty
// and at most 400 bytes long.
std::string error_text(std::string_view body);

std::optional<ContainerState> container_state_from(std::string_view word);

}  // namespace cube::runtime
