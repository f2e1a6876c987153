#pragma once
// Every command and flag as data. Parsing, help and shell completion are all made from this one
// table, so that none of them can lag behind.

#include <cstdint>
#include <span>
#include <string_view>

namespace cube::cli {

struct Flag {
  enum class Kind : std::uint8_t {
    toggle,  // takes no value
    text,    // one value, given once
    list,    // one value each time, repeatable
  };
  char letter = '\0';     // "-m"; '\0': none
  std::string_view name;  // "manager", for "--manager"
  Kind kind = Kind::text;
  std::string_view value;  // how help calls the value: "HOST:PORT"
  std::string_view help;
  std::string_view choices = {};   // space-separated; empty: anything
  std::string_view spelling = {};  // another spelling of the name
};

struct Command {
  // What the arguments that are no flags are, for messages and completion.
  enum class Takes : std::uint8_t {
    nothing,
    tasks,
    nodes,
    services,
    shell,
    topic,
    container_command
  };
  std::string_view name;     // one word, or two: "service create"
  std::string_view summary;  // one line
  std::string_view usage;    // what stands after the name: "[flags] TASK..."
  Takes takes = Takes::nothing;
  std::span<const Flag> flags;
  std::string_view details;  // paragraphs for `help`, may be empty
};

// In the order of the help.
std::span<const Command> commands();
const Command* find_command(std::string_view name);

// The first words of commands of two, with what they are about.
struct Group {
  std::string_view name, summary;
};
std::span<const Group> groups();
const Group* find_group(std::string_view name);
// The group of "service create": "service"; empty for a command of one word.
std::string_view group_of(const Command& command);

}  // namespace cube::cli
