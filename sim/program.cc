#include "sim/program.h"

#include <fmt/format.h>

namespace cube::sim {

// "live <ms to the end> <exit code> <ms from signal to end> [sick]"; no end: "-".
Program program_of(const TaskSpec& spec) {
  Program out;
  if (spec.command.size() < 4) return out;
  if (spec.command[1] != "-") out.ends_after = std::stoll(spec.command[1]) * 1ms;
  out.exit_code = std::stoi(spec.command[2]);
  out.stops_after = std::stoll(spec.command[3]) * 1ms;
  out.sick = spec.command.size() > 4;
  return out;
}

std::vector<std::string> command_of(const Program& p) {
  std::vector<std::string> out = {
      "live", p.ends_after ? fmt::format("{}", *p.ends_after / 1ms) : "-",
      fmt::format("{}", p.exit_code), fmt::format("{}", p.stops_after / 1ms)};
  if (p.sick) out.push_back("sick");
  return out;
}

}  // namespace cube::sim
