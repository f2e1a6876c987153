#include "cli/arguments.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <deque>

#include "base/text.h"
#include "cli/command_table.h"
#include "cli/draft.h"
#include "cli/exit_codes.h"
#include "cli/help.h"

namespace cube::cli {
namespace {

Ending mistake(std::string_view message) {
  return {exit_usage, "", fmt::format("cube: {}\n", message)};
}

std::string option_names(const Flag& flag) {
  std::string names = fmt::format("--{}", flag.name);
  if (!flag.spelling.empty()) names += fmt::format(",--{}", flag.spelling);
  if (flag.letter != '\0') names = fmt::format("-{},{}", flag.letter, names);
  return names;
}

// What one parse writes to; a deque, because the parser keeps addresses.
struct Cells {
  std::deque<std::string> texts;
  std::deque<std::vector<std::string>> lists;
  std::deque<bool> toggles;
};

CLI::Option* declare(CLI::App& app, const Flag& flag, Cells& cells) {
  switch (flag.kind) {
    case Flag::Kind::toggle:
      return app.add_flag(option_names(flag), cells.toggles.emplace_back(false));
    case Flag::Kind::text:
      return app.add_option(option_names(flag), cells.texts.emplace_back());
    case Flag::Kind::list:
      return app.add_option(option_names(flag), cells.lists.emplace_back())
          ->allow_extra_args(false);
  }
  CUBE_UNREACHABLE();
}

// The first argument that no flag took and that stands for no operand.
std::optional<std::string> complaint(const Command& command, const CLI::App& app) {
  for (const std::string& word : app.remaining()) {
    if (word == "--") continue;  // ends the flags; the parser keeps it
    if (word.starts_with('-') && word.size() > 1) return unknown_flag(command, word);
    return fmt::format("`cube {}` takes no argument `{}`", command.name, printable(word));
  }
  return std::nullopt;
}

// The parser's own words name the flag and the C++ type it wanted; only the flag is of use.
std::string in_words(const CLI::ParseError& error) {
  const std::string text = error.what();
  const std::string flag = text.substr(0, text.find_first_of(": "));
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr && flag.starts_with('-'))
    return text.find("received") == std::string::npos ? flag + ": needs a value"
                                                      : flag + ": given more than once";
  return printable(text);
}

Result<Invocation> read(const Command& command, const Draft& draft, const Surroundings& around) {
  for (const Flag& flag : command.flags) {
    if (flag.choices.empty() || !draft.has(flag.name)) continue;
    const std::string value = draft.text(flag.name);
    std::vector<std::string_view> choices;
    for (std::string_view rest = flag.choices; !rest.empty();) {
      const std::size_t end = std::min(rest.find(' '), rest.size());
      choices.push_back(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    if (std::ranges::find(choices, value) == choices.end())
      return Error{Code::invalid, fmt::format("--{}: `{}` is not one of {}", flag.name,
                                              printable(value), fmt::join(choices, ", "))};
  }
  return read_options(command.name, draft, around);
}

// "-m=host" as "-mhost", which is what the parser knows: old command lines took both.
void strip_equals_of_letters(const Command& command, std::vector<std::string>& arguments) {
  for (std::string& word : arguments) {
    if (word == "--") return;  // what follows is no flag
    if (!word.starts_with('-') || word.starts_with("--")) continue;
    for (std::size_t i = 1; i + 2 < word.size(); ++i) {
      const auto flag = std::ranges::find(command.flags, word[i], &Flag::letter);
      if (flag == command.flags.end()) break;
      if (flag->kind == Flag::Kind::toggle) continue;  // "-qm=host"
      if (word[i + 1] == '=') word.erase(i + 1, 1);
      break;
    }
  }
}

std::variant<Invocation, Ending> parse_command(const Command& command,
                                               std::vector<std::string> arguments,
                                               const Surroundings& around) {
  CLI::App app;
  Cells cells;
  Draft draft;
  std::vector<CLI::Option*> options;
  app.set_help_flag("-h,--help");
  app.allow_extras();
  for (const Flag& flag : command.flags) options.push_back(declare(app, flag, cells));
  if (command.takes != Command::Takes::nothing) app.add_option("operands", draft.rest);
  strip_equals_of_letters(command, arguments);
  std::ranges::reverse(arguments);
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::CallForHelp&) {
    return Ending{exit_fine, command_help(command), ""};
  } catch (const CLI::ParseError& error) {
    return mistake(complaint(command, app).value_or(in_words(error)));
  }
  if (const auto words = complaint(command, app)) return mistake(*words);

  std::size_t texts = 0, lists = 0;
  for (std::size_t i = 0; i < options.size(); ++i) {
    const Flag& flag = command.flags[i];
    const bool given = options[i]->count() > 0;
    const std::string name(flag.name);
    switch (flag.kind) {
      case Flag::Kind::toggle:
        if (given) draft.toggles.insert(name);
        break;
      case Flag::Kind::text: {
        std::string& cell = cells.texts[texts++];
        if (given) draft.texts.emplace(name, std::move(cell));
        break;
      }
      case Flag::Kind::list:
        draft.lists.emplace(name, std::move(cells.lists[lists++]));
        break;
    }
  }
  auto invocation = read(command, draft, around);
  if (!invocation.ok()) return mistake(invocation.error().message);
  return std::move(invocation).value();
}

// "service create ..."
std::variant<Invocation, Ending> parse_group(const Group& group,
                                             const std::vector<std::string>& arguments,
                                             const Surroundings& around) {
  if (arguments.size() < 2) return Ending{exit_usage, "", group_help(group)};
  const std::string& word = arguments[1];
  if (word == "-h" || word == "--help") return Ending{exit_fine, group_help(group), ""};
  const Command* command = find_command(fmt::format("{} {}", group.name, word));
  if (command == nullptr) {
    if (word.starts_with('-'))
      return mistake(fmt::format("`{}` stands before the command of `{}`; the command comes first",
                                 printable(word), group.name));
    return mistake(unknown_command(group, word));
  }
  return parse_command(*command, {arguments.begin() + 2, arguments.end()}, around);
}

}  // namespace

std::variant<Invocation, Ending> parse_arguments(const std::vector<std::string>& arguments,
                                                 const Surroundings& around) {
  if (arguments.empty()) return Ending{exit_usage, "", general_help()};
  const std::string& first = arguments.front();
  if (first == "-h" || first == "--help") return Ending{exit_fine, general_help(), ""};
  if (first == "--version") return Invocation(VersionOptions{});
  if (const Group* group = find_group(first)) return parse_group(*group, arguments, around);
  const Command* command = first.find(' ') == std::string::npos ? find_command(first) : nullptr;
  if (command == nullptr) {
    if (first.starts_with('-'))
      return mistake(
          fmt::format("`{}` stands before the command; the command comes first", printable(first)));
    return mistake(unknown_command(first));
  }
  return parse_command(*command, {arguments.begin() + 1, arguments.end()}, around);
}

}  // namespace cube::cli
