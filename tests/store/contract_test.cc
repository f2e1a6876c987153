// What every Store promises, asked of each.

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "store/lmdb_store.h"
#include "store/memory_store.h"
#include "tests/store/temp_directory.h"

namespace cube::store {
namespace {

using Records = std::vector<std::pair<std::string, std::string>>;

Records all(Store& store, std::string_view prefix = "") {
  Records out;
  const auto scanned = store.scan(prefix, [&](std::string_view key, std::string_view value) {
    out.emplace_back(key, value);
    return Result<void>();
  });
  REQUIRE(scanned.ok());
  return out;
}

void commit(Store& store, std::vector<Write> writes) {
  const auto committed = store.commit(writes);
  REQUIRE_MESSAGE(committed.ok(), committed.error().message);
}

// Runs `check` on an empty store of each kind.
template <class Check>
void each_store(Check check) {
  SUBCASE("memory") {
    MemoryStore store;
    check(store);
  }
  SUBCASE("lmdb") {
    const TempDirectory directory;
    auto store = open_lmdb({.directory = directory / "s", .role = "manager"});
    REQUIRE_MESSAGE(store.ok(), store.error().message);
    check(**store);
  }
}

TEST_CASE("writes of a batch apply in order") {
  each_store([](Store& store) {
    commit(store, {Write::put("ta", "1"), Write::put("ta", "2"), Write::put("tb", "3"),
                   Write::erase("tb"), Write::erase("absent"), Write::put("tc", "")});
    CHECK(all(store) == Records{{"ta", "2"}, {"tc", ""}});
    commit(store, {Write::erase("ta"), Write::put("ta", "again")});
    CHECK(all(store) == Records{{"ta", "again"}, {"tc", ""}});
    commit(store, {});
  });
}

TEST_CASE("scan gives the keys with the prefix, in byte order") {
  each_store([](Store& store) {
    const std::string high("t\xff", 2), zero("t\0x", 3);
    commit(store, {Write::put("u", "5"), Write::put(high, "4"), Write::put("ta", "3"),
                   Write::put(zero, "2"), Write::put("s", "0"), Write::put("t", "1")});
    CHECK(all(store, "t") == Records{{"t", "1"}, {zero, "2"}, {"ta", "3"}, {high, "4"}});
    CHECK(all(store, "x").empty());
    CHECK(all(store).size() == 6);
  });
}

TEST_CASE("scan stops at the visitor's error and returns it") {
  each_store([](Store& store) {
    commit(store, {Write::put("a", "1"), Write::put("b", "2"), Write::put("c", "3")});
    int seen = 0;
    const auto scanned = store.scan("", [&](std::string_view key, std::string_view) {
      ++seen;
      return key == "b" ? Result<void>(Error{Code::corrupt, "no"}) : Result<void>();
    });
    REQUIRE(!scanned.ok());
    CHECK(scanned.error().message == "no");
    CHECK(seen == 2);
    commit(store, {Write::put("d", "4")});
  });
}

TEST_CASE("a key that cannot be stored refuses the whole batch") {
  each_store([](Store& store) {
    for (const std::string& key : {std::string(), std::string(512, 'k')}) {
      const std::vector<Write> writes{Write::put("good", "1"), Write::put(key, "2")};
      const auto committed = store.commit(writes);
      REQUIRE(!committed.ok());
      CHECK(committed.error().code == Code::invalid);
      CHECK(all(store).empty());
    }
    commit(store, {Write::put(std::string(511, 'k'), "fits")});
    CHECK(all(store).size() == 1);
  });
}

TEST_CASE("usage grows with what is stored") {
  each_store([](Store& store) {
    const auto before = store.usage().bytes_used;
    commit(store, {Write::put("big", std::string(1 << 20, 'x'))});
    CHECK(store.usage().bytes_used >= before + (1 << 20));
    commit(store, {Write::erase("big")});
    CHECK(store.usage().bytes_used < (1 << 20));
  });
}

TEST_CASE("random batches leave what an ordered map would hold") {
  each_store([](Store& store) {
    Rng rng(7);
    std::map<std::string, std::string> model;
    for (int batch = 0; batch < 60; ++batch) {
      std::vector<Write> writes;
      for (std::uint64_t i = rng.below(40); i > 0; --i) {
        std::string key = "k" + std::to_string(rng.below(200));
        if (rng.below(3) == 0) {
          model.erase(key);
          writes.push_back(Write::erase(key));
        } else {
          std::string value(rng.below(9000), static_cast<char>('a' + rng.below(26)));
          model[key] = value;
          writes.push_back(Write::put(key, value));
        }
      }
      commit(store, writes);
    }
    CHECK(all(store) == Records(model.begin(), model.end()));
  });
}

TEST_CASE("a memory store told to fail does, and nothing of it is applied") {
  MemoryStore store;
  commit(store, {Write::put("a", "1")});
  store.fail_with(Error{Code::no_space, "full"});
  const std::vector<Write> writes{Write::put("b", "2")};
  const auto committed = store.commit(writes);
  REQUIRE(!committed.ok());
  CHECK(committed.error().code == Code::no_space);
  CHECK(all(store) == Records{{"a", "1"}});
  store.fail_with(std::nullopt);
  commit(store, writes);
  CHECK(all(store).size() == 2);
}

}  // namespace
}  // namespace cube::store
