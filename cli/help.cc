#include "cli/help.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/text.h"
#include "cli/exit_codes.h"

namespace cube::cli {
namespace {

constexpr std::size_t kFlagColumn = 30;

// "  -m, --manager HOST:PORT      manager to talk to", with the choices behind.
std::string flag_line(const Flag& flag) {
  std::string left = flag.letter != '\0' ? fmt::format("  -{}, ", flag.letter) : "      ";
  left += fmt::format("--{}", flag.name);
  if (!flag.value.empty()) left += fmt::format(" {}", flag.value);
  const std::string gap = left.size() + 1 < kFlagColumn ? "" : "\n" + std::string(kFlagColumn, ' ');
  std::string line = gap.empty() ? fmt::format("{:<{}}{}", left, kFlagColumn, flag.help)
                                 : fmt::format("{}{}{}", left, gap, flag.help);
  if (!flag.choices.empty()) {
    std::string choices(flag.choices);
    std::ranges::replace(choices, ' ', '|');
    line += fmt::format(": {}", choices);
  }
  return line + "\n";
}

std::string suggestion(std::string_view word, std::span<const std::string_view> known,
                       std::string_view dashes) {
  const std::string_view near = nearest(word, known);
  return near.empty() ? "" : fmt::format("; did you mean `{}{}`?", dashes, near);
}

}  // namespace

std::string general_help() {
  std::string text = "Cube runs containers on a few machines.\n\nUsage: cube COMMAND [flags]\n\n";
  std::string_view group;
  for (const Command& c : commands()) {
    const std::string_view in = group_of(c);
    if (in.empty())
      text += fmt::format("  {:<12}{}\n", c.name, c.summary);
    else if (in != group)  // once for all of it
      text += fmt::format("  {:<12}{}\n", in, find_group(in)->summary);
    group = in;
  }
  text +=
      "\n`cube help COMMAND` tells more about one, `cube help exit-codes` what the exit codes "
      "mean.\nThe manager is localhost:5555 unless -m or CUBE_MANAGER says otherwise.\n";
  return text;
}

std::string command_help(const Command& command) {
  std::string text =
      fmt::format("cube {}: {}\n\nUsage: cube {}{}{}\n", command.name, command.summary,
                  command.name, command.usage.empty() ? "" : " ", command.usage);
  if (!command.flags.empty()) text += "\nFlags:\n";
  for (const Flag& flag : command.flags) text += flag_line(flag);
  if (!command.details.empty()) text += fmt::format("\n{}\n", command.details);
  return text;
}

std::string group_help(const Group& group) {
  std::string text = fmt::format("cube {}: {}\n\nUsage: cube {} COMMAND [flags]\n\n", group.name,
                                 group.summary, group.name);
  for (const Command& c : commands())
    if (group_of(c) == group.name) text += fmt::format("  {:<18}{}\n", c.name, c.summary);
  return text + fmt::format("\n`cube help {} COMMAND` tells more about one.\n", group.name);
}

std::string exit_codes_help() {
  std::string text = "Exit codes of every command:\n\n";
  for (const ExitMeaning& m : exit_meanings())
    text += fmt::format("  {:<5}{:<15}{}\n", m.code, m.word, m.meaning);
  return text;
}

Result<std::string> help_on(std::string_view topic) {
  if (topic.empty()) return general_help();
  if (topic == "exit-codes") return exit_codes_help();
  if (const Command* command = find_command(topic)) return command_help(*command);
  if (const Group* group = find_group(topic)) return group_help(*group);
  const std::size_t space = std::min(topic.find(' '), topic.size());
  if (const Group* group = find_group(topic.substr(0, space)))
    return Error{Code::invalid, unknown_command(*group, topic.substr(space + 1))};
  return Error{Code::invalid, unknown_command(topic)};
}

std::string unknown_command(std::string_view word) {
  std::vector<std::string_view> names;
  for (const Command& c : commands()) names.push_back(c.name);
  for (const Group& g : groups()) names.push_back(g.name);
  std::string text = fmt::format("unknown command `{}`", printable(word));
  const std::string hint = suggestion(word, names, "");
  return text + (hint.empty() ? "; `cube help` lists them" : hint);
}

std::string unknown_command(const Group& group, std::string_view word) {
  std::vector<std::string_view> names;
  for (const Command& c : commands())
    if (group_of(c) == group.name) names.push_back(c.name.substr(group.name.size() + 1));
  std::string text = fmt::format("unknown command `{} {}`", group.name, printable(word));
  const std::string hint = suggestion(word, names, fmt::format("{} ", group.name));
  return text + (hint.empty() ? fmt::format("; `cube help {}` lists them", group.name) : hint);
}

std::string unknown_flag(const Command& command, std::string_view word) {
  const std::string_view bare = word.substr(std::min(word.find_first_not_of('-'), word.size()));
  const std::string_view name = bare.substr(0, bare.find('='));
  std::vector<std::string_view> names{"help"};
  for (const Flag& flag : command.flags) names.push_back(flag.name);
  std::string text = fmt::format("`cube {}` has no flag `{}`", command.name,
                                 printable(word.substr(0, word.find('='))));
  // One letter is near to nothing in particular.
  const std::string hint = name.size() < 2 ? "" : suggestion(name, names, "--");
  return text + (hint.empty() ? fmt::format("; `cube help {}` lists them", command.name) : hint);
}

}  // namespace cube::cli
