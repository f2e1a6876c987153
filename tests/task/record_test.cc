// Stored forms: whatever was written comes back, whatever was damaged is an error.

#include <doctest/doctest.h>

#include <optional>

#include "base/bytes.h"
#include "task/task.h"
#include "tests/task/random_spec.h"

namespace cube {
namespace {

constexpr int rounds = 2000;

TEST_CASE("random specs, tasks, attempts and events come back as they were") {
  RandomTasks random(21);
  for (int i = 0; i < rounds; ++i) {
    const TaskSpec spec = random.spec();
    const auto spec_back = decode_spec(encode(spec));
    REQUIRE_MESSAGE(spec_back.ok(), spec_back.error().message);
    CHECK(*spec_back == spec);

    const Task task = random.task();
    const auto task_back = decode_task(encode(task));
    REQUIRE_MESSAGE(task_back.ok(), task_back.error().message);
    CHECK(*task_back == task);

    const AttemptStatus status = random.status();
    const auto status_back = decode_attempt_status(encode(status));
    REQUIRE_MESSAGE(status_back.ok(), status_back.error().message);
    CHECK(*status_back == status);

    const Event event = random.event();
    const auto event_back = decode_event(encode(event));
    REQUIRE_MESSAGE(event_back.ok(), event_back.error().message);
    CHECK(*event_back == event);
  }
}

TEST_CASE("what is unset comes back unset") {
  CHECK(*decode_spec(encode(TaskSpec{})) == TaskSpec{});
  CHECK(*decode_task(encode(Task{})) == Task{});
  CHECK(*decode_attempt_status(encode(AttemptStatus{})) == AttemptStatus{});
  CHECK(*decode_event(encode(Event{})) == Event{});
}

// Damages `record` in every place, and cuts it everywhere.
template <class Decode>
void check_damage(const std::string& record, Decode decode) {
  for (std::size_t i = 0; i < record.size(); ++i) {
    const auto cut = decode(std::string(record, 0, i));
    REQUIRE(!cut.ok());
    CHECK(cut.error().code == Code::corrupt);
    std::string flipped = record;
    flipped[i] = static_cast<char>(flipped[i] ^ (1 << (i % 8)));
    const auto read = decode(flipped);
    REQUIRE(!read.ok());
    CHECK(read.error().code == Code::corrupt);
  }
}

TEST_CASE("cut and damaged records are corrupt") {
  RandomTasks random(22);
  for (int i = 0; i < 10; ++i) {
    check_damage(encode(random.spec()), [](std::string_view b) { return decode_spec(b); });
    check_damage(encode(random.task()), [](std::string_view b) { return decode_task(b); });
    check_damage(encode(random.status()),
                 [](std::string_view b) { return decode_attempt_status(b); });
    check_damage(encode(random.event()), [](std::string_view b) { return decode_event(b); });
  }
}

TEST_CASE("changed fields behind a right checksum decode or are corrupt, and never crash") {
  RandomTasks random(23);
  Rng rng(24);
  for (int i = 0; i < rounds; ++i) {
    std::string body = i % 2 == 0 ? encode(random.task()) : encode(random.spec());
    body.resize(body.size() - 4);
    for (std::uint64_t n = 1 + rng.below(4); n > 0; --n) {
      body[1 + rng.below(body.size() - 1)] = static_cast<char>(rng.below(256));
    }
    const std::uint32_t crc = crc32c(body);
    for (unsigned shift = 0; shift < 32; shift += 8) body += static_cast<char>(crc >> shift);
    const auto task = decode_task(body);
    if (!task) CHECK(task.error().code == Code::corrupt);
    const auto spec = decode_spec(body);
    if (!spec) CHECK(spec.error().code == Code::corrupt);
    (void)decode_attempt_status(body).ok();
    (void)decode_event(body).ok();
  }
}

TEST_CASE("fields of a later version are skipped") {
  RecordWriter out(1);
  out.bytes(1, "web");
  out.uint(1000, 7);
  out.bytes(1001, "later");
  const auto spec = decode_spec(std::move(out).finish());
  REQUIRE(spec.ok());
  CHECK(spec->name == "web");
}

TEST_CASE("a known field with a value out of range is corrupt and named") {
  const auto with = [](std::uint32_t tag, std::uint64_t value) {
    RecordWriter out(1);
    out.uint(tag, value);
    return std::move(out).finish();
  };
  CHECK(decode_attempt_status(with(35, 8)).ok());
  const auto observed = decode_attempt_status(with(35, 9));
  REQUIRE(!observed.ok());
  CHECK(observed.error().message == "attempt: field 35 makes no sense");
  CHECK(!decode_task(with(4, 2)).ok());
  CHECK(!decode_task(with(5, 1ULL << 32)).ok());
  CHECK(!decode_spec(with(1, 1)).ok());  // a number where a text belongs
}

TEST_CASE("a task takes little room") {
  Task task;
  task.id = TaskId(Uuid::from_random(1, 2));
  task.spec.edit().name = "web";
  task.spec.edit().image = "registry.example/team/echo:1.2";
  task.spec.edit().ports = {{*Port::parse("7777/tcp"), 7777, ""}};
  task.spec.edit().memory_bytes = 512 << 20;
  task.created = {1'767'322'445'000'000};
  task.attempt = 1;
  task.node = "n1";
  task.revision = 1'000'000;
  task.status.key = {task.id, 1};
  task.status.observed = Observed::running;
  task.status.container_id = std::string(64, 'c');
  task.status.container_ip = "172.17.0.2";
  task.status.started = task.created;
  CHECK(encode(task).size() <= 220);
}

TEST_CASE("spec_hash is pinned, and tells every field apart") {
  TaskSpec spec;
  spec.name = "web";
  spec.image = "echo";
  CHECK(spec_hash(spec) == 0x4cefd21e92251796ULL);
  RandomTasks random(25);
  for (int i = 0; i < rounds; ++i) {
    const TaskSpec a = random.spec(), b = random.spec();
    CHECK((spec_hash(a) == spec_hash(b)) == (a == b));
    CHECK(spec_hash(a) == spec_hash(*decode_spec(encode(a))));
  }
}

}  // namespace
}  // namespace cube
