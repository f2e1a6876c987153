#pragma once
// `Draft`: the flags of one command line as typed, by their names in the command table; and the
// readers that check them and make the options structs.

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/arguments.h"
#include "cli/options.h"

namespace cube::cli {

struct Draft {
  std::map<std::string, std::string, std::less<>> texts;
  std::map<std::string, std::vector<std::string>, std::less<>> lists;
  std::set<std::string, std::less<>> toggles;
  std::vector<std::string> rest;  // arguments that are no flags

  bool on(std::string_view flag) const { return toggles.contains(flag); }
  bool has(std::string_view flag) const { return texts.contains(flag); }
  // As typed, or `fallback`.
  std::string text(std::string_view flag, std::string_view fallback = "") const;
  const std::vector<std::string>& list(std::string_view flag) const;
};

// Errors are complete sentences for the user.
Result<Invocation> read_options(std::string_view command, const Draft& draft,
                                const Surroundings& surroundings);

// The two halves of the above.
Result<Invocation> read_manager(const Draft&, const Surroundings&);
Result<Invocation> read_worker(const Draft&, const Surroundings&);
Result<Invocation> read_dev(const Draft&, const Surroundings&);
Result<Invocation> read_ingress(const Draft&, const Surroundings&);
Result<Invocation> read_run(const Draft&, const Surroundings&);
Result<Invocation> read_stop(const Draft&, const Surroundings&);
Result<Invocation> read_status(const Draft&, const Surroundings&);
Result<Invocation> read_node(const Draft&, const Surroundings&);
Result<Invocation> read_inspect(const Draft&, const Surroundings&);
Result<Invocation> read_logs(const Draft&, const Surroundings&);
Result<Invocation> read_events(const Draft&, const Surroundings&);

// The commands for services, `plan`, `apply` and `orchestrate`.
bool is_for_services(std::string_view command);
Result<Invocation> read_for_services(std::string_view command, const Draft&, const Surroundings&);

// --- What readers share
// -m, else CUBE_MANAGER, else localhost:5555.
Result<Address> manager_of(const Draft&, const Surroundings&);
OutputFormat output_of(const Draft&);
QuickTask quick_task_of(const Draft&);
Result<Duration> timeout_of(const Draft&, Duration fallback);
// --since and --tail
Result<void> read_log_range(const Draft&, std::string& since, std::optional<std::uint64_t>& tail);
// An operand is part of a request's path: an empty one would ask for something else.
Result<void> check_refs(const Draft&);
// "`cube stop` needs the name of a task; ..."
Error missing(std::string_view command, std::string_view what);

// One value of a flag. The error begins with the flag's name.
Result<std::uint16_t> port_of(std::string_view flag, std::string_view text);
Result<std::uint64_t> count_of(std::string_view flag, std::string_view text);
Result<Duration> duration_of(std::string_view flag, std::string_view text);
Result<std::int64_t> bytes_of(std::string_view flag, std::string_view text);
Result<std::int64_t> cpu_milli_of(std::string_view flag, std::string_view text);  // "2.5" cores
// "host:port", "host", "http://host:port/", "[::1]:5555".
Result<Address> address_of(std::string_view flag, std::string_view text,
                           std::uint16_t default_port);

}  // namespace cube::cli
