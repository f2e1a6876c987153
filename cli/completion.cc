#include "cli/completion.h"

#include <fmt/format.h>

#include "base/assert.h"
#include "cli/command_table.h"

namespace cube::cli {
namespace {

using Takes = Command::Takes;

// What completes an argument that is no flag, as a shell command line that asks the manager.
constexpr std::string_view kTaskNames = "cube status -o name 2>/dev/null";
constexpr std::string_view kNodeNames = "cube node -q 2>/dev/null";
constexpr std::string_view kServiceNames = "cube service ls -o name 2>/dev/null";
constexpr std::string_view kNodeVerbs = "ls drain pause activate forget";

// Within single quotes of a shell.
std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "'\\''" : std::string(1, c);
  return out + "'";
}

bool takes_file(const Flag& flag) {
  return flag.value == "FILE" || flag.value == "DIR";
}

// What may come first: commands of one word, and groups.
std::string command_names() {
  std::string names;
  for (const Command& c : commands())
    if (group_of(c).empty()) names += fmt::format("{}{}", names.empty() ? "" : " ", c.name);
  for (const Group& g : groups()) names += fmt::format(" {}", g.name);
  return names;
}

// The second words of a group.
std::string member_names(const Group& group) {
  std::string names;
  for (const Command& c : commands())
    if (group_of(c) == group.name)
      names += fmt::format("{}{}", names.empty() ? "" : " ", c.name.substr(group.name.size() + 1));
  return names;
}

// "-m --manager --dbType ..." of one command.
std::string flag_words(const Command& command) {
  std::string words = "--help";
  for (const Flag& f : command.flags) {
    if (f.letter != '\0') words += fmt::format(" -{}", f.letter);
    words += fmt::format(" --{}", f.name);
  }
  return words;
}

// The bash words that complete the operands of one command; empty: none.
std::string bash_operands(Takes takes) {
  switch (takes) {
    case Takes::nothing:
    case Takes::container_command:
      return "";
    case Takes::tasks:
      return fmt::format("$({})", kTaskNames);
    case Takes::nodes:
      return fmt::format("{} $({})", kNodeVerbs, kNodeNames);
    case Takes::services:
      return fmt::format("$({})", kServiceNames);
    case Takes::shell:
      return "bash zsh fish";
    case Takes::topic:
      return command_names() + " exit-codes";
  }
  CUBE_UNREACHABLE();
}

std::string bash_value_case(const Command& command, const Flag& flag) {
  std::string pattern = fmt::format("\"{}:--{}\"", command.name, flag.name);
  if (flag.letter != '\0') pattern += fmt::format("|\"{}:-{}\"", command.name, flag.letter);
  if (takes_file(flag))
    return fmt::format("    {}) COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n", pattern);
  return fmt::format("    {}) COMPREPLY=($(compgen -W \"{}\" -- \"$word\")); return ;;\n", pattern,
                     flag.choices);
}

std::string bash_script() {
  std::string members, values, flags, operands;
  for (const Group& g : groups())
    members += fmt::format("    {}) members=\"{}\" ;;\n", g.name, member_names(g));
  for (const Command& c : commands()) {
    for (const Flag& f : c.flags)
      if (f.kind != Flag::Kind::toggle) values += bash_value_case(c, f);
    flags += fmt::format("    \"{}\") words=\"{}\" ;;\n", c.name, flag_words(c));
    if (const std::string text = bash_operands(c.takes); !text.empty())
      operands += fmt::format("    \"{}\") words=\"{}\" ;;\n", c.name, text);
  }
  return fmt::format(R"(# bash completion for cube: source <(cube completion bash)
_cube() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}"
  local command="${{COMP_WORDS[1]}}" words="" members=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "{}" -- "$word"))
    return
  fi
  case "$command" in
{}  esac
  if [ -n "$members" ]; then
    if [ "$COMP_CWORD" -eq 2 ]; then
      COMPREPLY=($(compgen -W "$members" -- "$word"))
      return
    fi
    command="$command ${{COMP_WORDS[2]}}"
  fi
  case "$command:$before" in
{}  esac
  if [[ "$word" == -* ]]; then
    case "$command" in
{}    esac
  else
    case "$command" in
{}    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -F _cube cube
)",
                     command_names(), members, values, flags, operands);
}

// Within a zsh _arguments specification, where colons and brackets mean something.
std::string zsh_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == ':' || c == '[' || c == ']') out += '\\';
    out += c;
  }
  return out;
}

std::string zsh_flag(const Flag& flag) {
  std::string action;
  if (flag.kind != Flag::Kind::toggle) {
    action = fmt::format(":{}:", zsh_escaped(flag.value));
    if (takes_file(flag)) action += "_files";
    if (!flag.choices.empty()) action += fmt::format("({})", flag.choices);
  }
  const std::string_view star = flag.kind == Flag::Kind::list ? "*" : "";
  std::string line;
  if (flag.letter != '\0')
    line +=
        quoted(fmt::format("{}-{}[{}]{}", star, flag.letter, zsh_escaped(flag.help), action)) + " ";
  return line +
         quoted(fmt::format("{}--{}[{}]{}", star, flag.name, zsh_escaped(flag.help), action));
}

std::string zsh_operands(Takes takes) {
  switch (takes) {
    case Takes::nothing:
    case Takes::container_command:
      return "";
    case Takes::tasks:
      return "'*:task:_cube_tasks'";
    case Takes::nodes:
      return "'*:node:_cube_nodes'";
    case Takes::services:
      return "'*:service:_cube_services'";
    case Takes::shell:
      return "'1:shell:(bash zsh fish)'";
    case Takes::topic:
      return fmt::format("'1:topic:({} exit-codes)'", command_names());
  }
  CUBE_UNREACHABLE();
}

std::string zsh_case(const Command& command, std::string_view word) {
  std::string text = fmt::format("    {}) _arguments", word);
  for (const Flag& f : command.flags) text += " \\\n      " + zsh_flag(f);
  if (const std::string operands = zsh_operands(command.takes); !operands.empty())
    text += " \\\n      " + operands;
  return text + " ;;\n";
}

std::string zsh_description(std::string_view word, std::string_view summary) {
  return fmt::format("    {}\n", quoted(fmt::format("{}:{}", word, zsh_escaped(summary))));
}

// A function that completes the second word and what comes behind it.
std::string zsh_group(const Group& group) {
  std::string names, cases;
  for (const Command& c : commands()) {
    if (group_of(c) != group.name) continue;
    const std::string_view word = c.name.substr(group.name.size() + 1);
    names += zsh_description(word, c.summary);
    cases += zsh_case(c, word);
  }
  return fmt::format(R"zsh(_cube_group_{}() {{
  local -a names
  names=(
{}  )
  if (( CURRENT == 2 )); then
    _describe command names
    return
  fi
  shift words
  (( CURRENT-- ))
  case "$words[1]" in
{}  esac
}}
)zsh",
                     group.name, names, cases);
}

std::string zsh_script() {
  std::string functions, names, cases;
  for (const Command& c : commands()) {
    if (!group_of(c).empty()) continue;
    names += zsh_description(c.name, c.summary);
    cases += zsh_case(c, c.name);
  }
  for (const Group& g : groups()) {
    functions += zsh_group(g);
    names += zsh_description(g.name, g.summary);
    cases += fmt::format("    {0}) _cube_group_{0} ;;\n", g.name);
  }
  return fmt::format(R"zsh(#compdef cube
# zsh completion for cube: cube completion zsh > "${{fpath[1]}}/_cube"
_cube_tasks() {{ local -a names; names=(${{(f)"$({})"}}); compadd -a names }}
_cube_nodes() {{ local -a names; names=({} ${{(f)"$({})"}}); compadd -a names }}
_cube_services() {{ local -a names; names=(${{(f)"$({})"}}); compadd -a names }}
{}_cube() {{
  local -a names
  names=(
{}  )
  if (( CURRENT == 2 )); then
    _describe command names
    return
  fi
  shift words
  (( CURRENT-- ))
  case "$words[1]" in
{}  esac
}}
compdef _cube cube
)zsh",
                     kTaskNames, kNodeVerbs, kNodeNames, kServiceNames, functions, names, cases);
}

std::string fish_operands(Takes takes) {
  switch (takes) {
    case Takes::nothing:
    case Takes::container_command:
      return "";
    case Takes::tasks:
      return fmt::format("({})", kTaskNames);
    case Takes::nodes:
      return fmt::format("{} ({})", kNodeVerbs, kNodeNames);
    case Takes::services:
      return fmt::format("({})", kServiceNames);
    case Takes::shell:
      return "bash zsh fish";
    case Takes::topic:
      return command_names() + " exit-codes";
  }
  CUBE_UNREACHABLE();
}

// Where the word itself is completed: behind its group, if it has one.
std::string fish_place(std::string_view group) {
  if (group.empty()) return "__fish_use_subcommand";
  return quoted(
      fmt::format("__fish_seen_subcommand_from {0}; and test (count (commandline -opc)) "
                  "-eq 2",
                  group));
}

// Where what comes behind it is.
std::string fish_within(std::string_view group, std::string_view word) {
  if (group.empty()) return quoted(fmt::format("__fish_seen_subcommand_from {}", word));
  return quoted(
      fmt::format("string match -q \"* {} {} *\" -- (string join \" \" (commandline "
                  "-opc) \"\")",
                  group, word));
}

std::string fish_script() {
  std::string out =
      "# fish completion for cube: cube completion fish > ~/.config/fish/completions/cube.fish\n"
      "complete -c cube -f\n";
  for (const Group& g : groups())
    out += fmt::format("complete -c cube -n __fish_use_subcommand -a {} -d {}\n", g.name,
                       quoted(g.summary));
  for (const Command& c : commands()) {
    const std::string_view group = group_of(c);
    const std::string_view word = group.empty() ? c.name : c.name.substr(group.size() + 1);
    out += fmt::format("complete -c cube -n {} -a {} -d {}\n", fish_place(group), word,
                       quoted(c.summary));
    const std::string here = fmt::format("complete -c cube -n {}", fish_within(group, word));
    if (const std::string text = fish_operands(c.takes); !text.empty())
      out += fmt::format("{} -a {}\n", here, quoted(text));
    for (const Flag& f : c.flags) {
      out += here;
      if (f.letter != '\0') out += fmt::format(" -s {}", f.letter);
      out += fmt::format(" -l {} -d {}", f.name, quoted(f.help));
      if (f.kind != Flag::Kind::toggle) out += takes_file(f) ? " -r -F" : " -x";
      if (!f.choices.empty()) out += fmt::format(" -a {}", quoted(f.choices));
      out += "\n";
    }
  }
  return out;
}

}  // namespace

std::string completion_script(std::string_view shell) {
  if (shell == "bash") return bash_script();
  if (shell == "zsh") return zsh_script();
  CUBE_ASSERT(shell == "fish");
  return fish_script();
}

}  // namespace cube::cli
