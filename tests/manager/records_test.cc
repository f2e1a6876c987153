// The manager's records, read strictly: what is not as docs/store-format.md says is corrupt.

#include "manager/records.h"

#include <doctest/doctest.h>

#include "base/bytes.h"
#include "manager/manager.h"

namespace cube::manager {
namespace {

std::string record(void (*fill)(RecordWriter&)) {
  RecordWriter writer(1);
  fill(writer);
  return std::move(writer).finish();
}

Result<Manager> load_as(const std::string& cluster, const store::Write& record) {
  Config config;
  config.cluster = cluster;
  return Manager::load_from(std::move(config), Rng(1), [&record](const Visit& visit) {
    return visit(record.key, record.value);
  });
}

TEST_CASE("a store is of one cluster") {
  const Meta meta{ManagerId(Uuid::from_random(1, 2)), 7, 3, "shop"};
  CHECK(load_as("shop", meta_record(meta)).ok());
  const auto other = load_as("shp", meta_record(meta));
  REQUIRE(!other.ok());
  CHECK(other.error().code == Code::conflict);
  CHECK(other.error().message ==
        "this store is of cluster shop; start with --cluster shop, or with another --data-dir");
  const Meta older{meta.id, 7, 3, ""};
  CHECK(load_as("shp", meta_record(older)).ok());
}

TEST_CASE("records round-trip") {
  const Meta meta{ManagerId(Uuid::from_random(1, 2)), 7, 3, "shop"};
  const auto read = read_meta(meta_record(meta).value);
  REQUIRE(read.ok());
  CHECK(read->id == meta.id);
  CHECK(read->epoch == 7);
  CHECK(read->next_node == 3);
  CHECK(read->cluster == "shop");
  const Remembered key{4, {5}, 6, {TaskId(Uuid::from_random(3, 4))}};
  const auto back = read_key(key_record("k", key).value);
  REQUIRE(back.ok());
  CHECK(back->tasks == key.tasks);
  CHECK(back->at == key.at);
}

TEST_CASE("a field of another type or out of range is corrupt, not cut to fit") {
  CHECK_FALSE(read_meta(record([](RecordWriter& w) { w.uint(3, 1ULL << 32); })).ok());
  CHECK_FALSE(read_meta(record([](RecordWriter& w) { w.bytes(2, "x"); })).ok());
  CHECK_FALSE(read_meta(record([](RecordWriter& w) { w.bytes(1, "short"); })).ok());
  CHECK_FALSE(read_node(record([](RecordWriter& w) { w.uint(1, 1ULL << 32); })).ok());
  CHECK_FALSE(read_node(record([](RecordWriter& w) { w.uint(2, 7); })).ok());
  CHECK_FALSE(read_node(record([](RecordWriter& w) { w.uint(5, 2); })).ok());
  Kinds kinds;
  CHECK_FALSE(read_task(record([](RecordWriter& w) { w.bytes(1, "x"); }), kinds).ok());
  CHECK_FALSE(read_key(record([](RecordWriter& w) { w.bytes(4, "short"); })).ok());
}

TEST_CASE("a field that is not known is skipped") {
  CHECK(read_meta(record([](RecordWriter& w) { w.bytes(99, "x"); })).ok());
}

}  // namespace
}  // namespace cube::manager
