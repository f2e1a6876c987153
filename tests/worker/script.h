#pragma once
// The commands of the worker's transcripts, over a World. Everything the worker wants is printed.

#include <map>
#include <string>
#include <vector>

#include "tests/worker/world.h"

namespace cube::test {

class Script {
 public:
  Script();
  // Runs one command line; what was printed.
  std::string run(const std::string& line);

 private:
  using Words = std::vector<std::string>;
  void print(const worker::Effects& effects);
  void print(const worker::Reply& reply);
  void print(const std::string& line) { out_ += short_name(line) + '\n'; }
  std::string text(const worker::Operation& operation) const;
  std::string text(const AttemptStatus& status) const;
  std::string name_of(const TaskId& id) const;
  std::string short_name(std::string text) const;
  std::string container(const std::string& ref) const;  // "web/1.0" or "web" -> its name

  void spec(const Words& words);
  void assign(const Words& words);
  void poll(const Words& words);
  void post(const Words& words);
  void engine(const Words& words);
  void worker(const Words& words);
  void stray(bool is_ours, const std::string& task);
  void remove(const Words& words);
  void advance(const Words& words);
  void health(const Words& words);
  void freeze(const Words& words);
  void guard(const Words& words);
  bool by_hand(const Words& words);
  void status();
  void containers();
  void capacity();
  void counters();

  std::map<std::string, TaskSpec> specs_;
  std::map<TaskId, std::string> names_;
  std::map<std::string, std::string> health_;  // "fail", "hang"; else it answers
  std::string out_;
  bool advancing_ = false;
  World world_;
  Instant began_;
  std::uint64_t last_token_ = 0, incarnation_ = 0, change_ = 0, stamp_ = 0;
};

}  // namespace cube::test
