// Stored records: the first byte says which, the rest are its fields; version and checksum are
// added here, or nothing but they would be tested. As they are, without them, they are read too.
//
// What is read is the same after it was written and read again.

#include "manager/records.h"
#include "base/bytes.h"
#include "tests/fuzz/target.h"
#include "worker/records.h"

using namespace cube;

namespace {

std::string sealed(std::string_view fields) {
  std::string record(1, '\1');
  record += fields;
  const std::uint32_t crc = crc32c(record);
  for (int shift = 0; shift < 32; shift += 8) record += static_cast<char>(crc >> shift & 0xff);
  return record;
}

// `read` gives a Result; `write` makes a record of what is in it.
template <class Read, class Write>
void check(std::string_view record, Read read, Write write) {
  const auto first = read(record);
  if (!first.ok()) {
    CUBE_ASSERT(!first.error().message.empty());
    return;
  }
  const std::string bytes = write(*first);
  const auto second = read(bytes);
  CUBE_ASSERT(second.ok());
  CUBE_ASSERT(write(*second) == bytes);
}

template <class T>
std::string encoded(const T& value) {
  return encode(value);
}

Result<worker::Attempt> asked(std::string_view record) {
  worker::Attempt out;
  CUBE_TRY(worker::decode_asked(record, out));
  return out;
}
Result<worker::Attempt> observed(std::string_view record) {
  worker::Attempt out;
  CUBE_TRY(worker::decode_observed(record, out));
  return out;
}

Result<manager::TaskEntry> read_task(std::string_view record) {
  static manager::Kinds kinds;  // outlives what is read
  if (kinds.known() > 1000) kinds = {};
  return manager::read_task(record, kinds);
}

void check_kind(int kind, std::string_view record) {
  switch (kind) {
    case 0:
      return check(record, decode_spec, encoded<TaskSpec>);
    case 1:
      return check(
          record, [](std::string_view bytes) { return decode_task(bytes); }, encoded<Task>);
    case 2:
      return check(record, decode_attempt_status, encoded<AttemptStatus>);
    case 3:
      return check(record, decode_event, encoded<Event>);
    case 4:
      return check(record, manager::read_meta,
                   [](const auto& m) { return manager::meta_record(m).value; });
    case 5:
      return check(record, read_task, [](const auto& t) { return manager::task_record(t).value; });
    case 6:
      return check(record, manager::read_node,
                   [](const auto& n) { return manager::node_record(n).value; });
    case 7:
      return check(record, manager::read_key,
                   [](const auto& k) { return manager::key_record("k", k).value; });
    case 8:
      return check(record, worker::decode_node,
                   [](const worker::NodeRecord& n) { return worker::encode(n); });
    case 9:
      return check(record, asked, worker::encode_asked);
    case 10:
      return check(record, observed, worker::encode_observed);
    default:
      if (const auto key = worker::parse_key(record); key.ok()) {
        CUBE_ASSERT(worker::key(record.front(), *key) == record);
      }
  }
}

}  // namespace

FUZZ_TARGET(records) {
  if (bytes.empty()) return;
  const int kind = static_cast<unsigned char>(bytes.front()) % 12;
  bytes.remove_prefix(1);
  check_kind(kind, bytes);
  check_kind(kind, sealed(bytes));
}
