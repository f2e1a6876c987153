#pragma once
// Pulling an image: the reference taken apart, and the words of its progress. Pure.

#include <map>
#include <string>
#include <string_view>

#include "runtime/docker_json.h"

namespace cube::runtime {

// "repo[:tag][@digest]". A tag is always named: without one the engine pulls all tags there are.
struct ImageReference {
  std::string repository;
  std::string tag;  // or digest; "latest" when there is neither
};
ImageReference split_image(std::string_view image);

// Counts layers. One line in, words out when they have changed, else empty.
class PullProgress {
 public:
  std::string take(const PullLine& line);

 private:
  std::map<std::string, bool> layers_;  // id -> done
  std::string words_;
};

}  // namespace cube::runtime
