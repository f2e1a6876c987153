#pragma once
// `Ballast`: a file that takes up room on the store's disk while there is room, and is given up
// when there is none: what it leaves lets an operator stop tasks, and events be recorded, on a full
// disk. The idea is etcd's NOSPACE alarm turned around: reads and deletes go on.

#include <cstdint>
#include <string>

namespace cube::store {

inline constexpr std::uint64_t ballast_bytes = 512 * 1024;

class Ballast {
 public:
  explicit Ballast(std::string path) : path_(std::move(path)) {}

  // Takes the room, unless it is taken; false when there is not enough of it.
  bool take();
  void give_up();

 private:
  std::string path_;
};

}  // namespace cube::store
