#include "cli/completion.h"

#include <fmt/format.h>

#include "base/assert.h"
#include "cli/command_table.h"

namespace cube::cli {
namespace {

using Takes = Command::Takes;

// What completes an argument that is no flag, as a shell command line; both ask the manager.
constexpr std::string_view kTaskNames = "cube status -o name 2>/dev/null";
constexpr std::string_view kNodeNames = "cube node -q 2>/dev/null";

// Within single quotes of a shell.
std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "'\\''" : std::string(1, c);
  return out + "'";
}

bool takes_file(const Flag& flag) {
  return flag.value == "FILE" || flag.value == "DIR";
}

std::string command_names() {
  std::string names;
  for (const Command& c : commands())
    names += fmt::format("{}{}", names.empty() ? "" : " ", c.name);
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
      return fmt::format("ls forget $({})", kNodeNames);
    case Takes::shell:
      return "bash zsh fish";
    case Takes::topic:
      return command_names() + " exit-codes";
  }
  CUBE_UNREACHABLE();
}

std::string bash_value_case(const Command& command, const Flag& flag) {
  std::string pattern = fmt::format("{}:--{}", command.name, flag.name);
  if (flag.letter != '\0') pattern += fmt::format("|{}:-{}", command.name, flag.letter);
  if (takes_file(flag))
    return fmt::format("    {}) COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n", pattern);
  return fmt::format("    {}) COMPREPLY=($(compgen -W \"{}\" -- \"$word\")); return ;;\n", pattern,
                     flag.choices);
}

std::string bash_script() {
  std::string values, flags, operands;
  for (const Command& c : commands()) {
    for (const Flag& f : c.flags)
      if (f.kind != Flag::Kind::toggle) values += bash_value_case(c, f);
    flags += fmt::format("    {}) words=\"{}\" ;;\n", c.name, flag_words(c));
    if (const std::string text = bash_operands(c.takes); !text.empty())
      operands += fmt::format("    {}) words=\"{}\" ;;\n", c.name, text);
  }
  return fmt::format(R"(# bash completion for cube: source <(cube completion bash)
_cube() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}"
  local command="${{COMP_WORDS[1]}}" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "{}" -- "$word"))
    return
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
                     command_names(), values, flags, operands);
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
    case Takes::shell:
      return "'1:shell:(bash zsh fish)'";
    case Takes::topic:
      return fmt::format("'1:topic:({} exit-codes)'", command_names());
  }
  CUBE_UNREACHABLE();
}

std::string zsh_script() {
  std::string names, cases;
  for (const Command& c : commands()) {
    names += fmt::format("    {}\n", quoted(fmt::format("{}:{}", c.name, c.summary)));
    cases += fmt::format("    {}) _arguments", c.name);
    for (const Flag& f : c.flags) cases += " \\\n      " + zsh_flag(f);
    if (const std::string text = zsh_operands(c.takes); !text.empty())
      cases += " \\\n      " + text;
    cases += " ;;\n";
  }
  return fmt::format(R"zsh(#compdef cube
# zsh completion for cube: cube completion zsh > "${{fpath[1]}}/_cube"
_cube_tasks() {{ local -a names; names=(${{(f)"$({})"}}); compadd -a names }}
_cube_nodes() {{ local -a names; names=(ls forget ${{(f)"$({})"}}); compadd -a names }}
_cube() {{
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
                     kTaskNames, kNodeNames, names, cases);
}

std::string fish_operands(Takes takes) {
  switch (takes) {
    case Takes::nothing:
    case Takes::container_command:
      return "";
    case Takes::tasks:
      return fmt::format("({})", kTaskNames);
    case Takes::nodes:
      return fmt::format("ls forget ({})", kNodeNames);
    case Takes::shell:
      return "bash zsh fish";
    case Takes::topic:
      return command_names() + " exit-codes";
  }
  CUBE_UNREACHABLE();
}

std::string fish_script() {
  std::string out =
      "# fish completion for cube: cube completion fish > ~/.config/fish/completions/cube.fish\n"
      "complete -c cube -f\n";
  for (const Command& c : commands()) {
    out += fmt::format("complete -c cube -n __fish_use_subcommand -a {} -d {}\n", c.name,
                       quoted(c.summary));
    const std::string here =
        fmt::format("complete -c cube -n '__fish_seen_subcommand_from {}'", c.name);
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
