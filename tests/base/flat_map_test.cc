#include "base/flat_map.h"

#include <doctest/doctest.h>

#include <map>
#include <string>

#include "base/rng.h"

using namespace cube;

TEST_CASE("a flat map does what a map does") {
  Rng rng(1);
  FlatMap<int, std::string> flat;
  std::map<int, std::string> map;
  for (int i = 0; i < 20'000; ++i) {
    const int key = static_cast<int>(rng.below(200));
    switch (rng.below(i < 15'000 ? 4 : 2)) {  // at the end mostly removals
      case 0:
        CHECK(flat.erase(key) == map.erase(key));
        break;
      case 1: {
        const auto at = flat.find(key);
        REQUIRE((at == flat.end()) == !map.contains(key));
        if (at == flat.end()) break;
        const auto next = flat.erase(at);
        const auto expected = map.erase(map.find(key));
        REQUIRE((next == flat.end()) == (expected == map.end()));
        if (next != flat.end()) CHECK(next->first == expected->first);
        break;
      }
      case 2:
        CHECK(flat.try_emplace(key, std::to_string(i)).second ==
              map.try_emplace(key, std::to_string(i)).second);
        break;
      case 3:
        flat[key] = map[key] = std::to_string(i);
        break;
    }
    REQUIRE(flat.size() == map.size());
    CHECK(flat.contains(key) == map.contains(key));
    const auto from = flat.lower_bound(key);
    const auto expected = map.lower_bound(key);
    REQUIRE((from == flat.end()) == (expected == map.end()));
    if (from != flat.end()) CHECK(from->second == expected->second);
  }
  CHECK(std::equal(flat.begin(), flat.end(), map.begin(), map.end(),
                   [](const auto& a, const auto& b) {
                     return a.first == b.first && a.second == b.second;
                   }));
}
