#include "worker/records.h"

#include <utility>

#include "task/record_fields.h"

namespace cube::worker {
namespace {

using record::view;
constexpr std::uint8_t record_version = record::version;
constexpr std::size_t id_bytes = 16;
constexpr std::size_t attempt_key_bytes = 1 + id_bytes + 4;

Result<Uuid> uuid_from(std::string_view bytes) {
  Uuid uuid;
  if (bytes.size() != uuid.bytes.size()) return Error{Code::corrupt, "an id is not 16 bytes long"};
  std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(uuid.bytes.data()));
  return uuid;
}

// Calls `take(field)` for each field. `take` returns Result<void> and skips unknown tags.
template <class Take>
Result<void> each_field(std::string_view record, Take take) {
  auto reader = RecordReader::open(record, record_version);
  if (!reader) return std::move(reader).error();
  for (RecordReader::Field field;;) {
    auto more = reader->next(field);
    if (!more) return std::move(more).error();
    if (!*more) return {};
    CUBE_TRY(take(field));
  }
}

// Takes a field into its place; an error when kind or range are wrong. `last` is an enumeration's:
// enumerators of a newer program are corrupt to this one, acting on a guess would be worse.
template <class T, class... Last>
Result<void> taken(const RecordReader::Field& field, T& into, Last... last) {
  if (record::take(field, into, last...)) return {};
  return Error{Code::corrupt, "field " + std::to_string(field.tag) + " makes no sense"};
}

}  // namespace

std::string node_key() {
  return std::string(1, table_node);
}

std::string key(char table, const AttemptKey& attempt) {
  std::string out(1, table);
  out += view(attempt.task.uuid);
  for (int shift = 24; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(attempt.attempt >> shift & 0xff));
  }
  return out;
}

Result<AttemptKey> parse_key(std::string_view key) {
  if (key.size() != attempt_key_bytes) return Error{Code::corrupt, "an attempt's key is damaged"};
  auto uuid = uuid_from(key.substr(1, id_bytes));
  if (!uuid) return std::move(uuid).error();
  AttemptKey out{TaskId(*uuid), 0};
  for (const char byte : key.substr(1 + id_bytes)) {
    out.attempt = out.attempt << 8 | static_cast<std::uint8_t>(byte);
  }
  return out;
}

std::string encode(const NodeRecord& node) {
  RecordWriter out(record_version);
  out.bytes(1, view(node.worker.uuid));
  out.uint(2, node.accepted ? 1 : 0);
  out.bytes(3, view(node.manager.uuid));
  out.uint(4, node.fence.epoch);
  out.uint(5, node.fence.session);
  out.uint(6, node.fence.generation);
  out.bytes(7, node.boot_id);
  out.bytes(8, node.name);
  out.bytes(9, node.cluster);
  return std::move(out).finish();
}

Result<NodeRecord> decode_node(std::string_view record) {
  NodeRecord node;
  CUBE_TRY(each_field(record, [&](const RecordReader::Field& field) -> Result<void> {
    switch (field.tag) {
      case 1:
        return taken(field, node.worker.uuid);
      case 3:
        return taken(field, node.manager.uuid);
      case 2:
        return taken(field, node.accepted);
      case 4:
        return taken(field, node.fence.epoch);
      case 5:
        return taken(field, node.fence.session);
      case 6:
        return taken(field, node.fence.generation);
      case 7:
        return taken(field, node.boot_id);
      case 8:
        return taken(field, node.name);
      case 9:
        return taken(field, node.cluster);
      default:
        break;
    }
    return {};
  }));
  if (node.worker.is_nil()) return Error{Code::corrupt, "the node record has no worker id"};
  return node;
}

std::string encode_asked(const Attempt& attempt) {
  RecordWriter out(record_version);
  out.uint(1, static_cast<std::uint64_t>(attempt.origin));
  out.uint(2, static_cast<std::uint64_t>(attempt.want));
  out.sint(3, attempt.created.us);
  out.bytes(4, encode(attempt.spec));
  return std::move(out).finish();
}

Result<void> decode_asked(std::string_view record, Attempt& into) {
  return each_field(record, [&](const RecordReader::Field& field) -> Result<void> {
    switch (field.tag) {
      case 1:
        return taken(field, into.origin, Origin::local);
      case 2:
        return taken(field, into.want, Want::hold);
      case 3:
        return taken(field, into.created);
      case 4: {
        auto spec = decode_spec(field.bytes);
        if (!spec) return std::move(spec).error();
        into.spec = std::move(spec).value();
        return {};
      }
      default:
        return {};
    }
  });
}

std::string encode_observed(const Attempt& attempt) {
  RecordWriter out(record_version);
  out.bytes(1, encode(attempt.status));
  out.uint(2, attempt.backoff.ends);
  out.uint(3, attempt.backoff.counted);
  out.sint(4, attempt.backoff.delay.count());
  out.sint(5, attempt.backoff.decided.us);
  out.uint(6, static_cast<std::uint64_t>(attempt.backoff.stop_for));
  out.bytes(7, attempt.backoff.stop_reason);
  return std::move(out).finish();
}

Result<void> decode_observed(std::string_view record, Attempt& into) {
  return each_field(record, [&](const RecordReader::Field& field) -> Result<void> {
    switch (field.tag) {
      case 1: {
        auto status = decode_attempt_status(field.bytes);
        if (!status) return std::move(status).error();
        into.status = std::move(status).value();
        return {};
      }
      case 2:
        return taken(field, into.backoff.ends);
      case 3:
        return taken(field, into.backoff.counted);
      case 4: {
        std::int64_t us = 0;
        CUBE_TRY(taken(field, us));
        into.backoff.delay = Duration(us);
        return {};
      }
      case 5:
        return taken(field, into.backoff.decided);
      case 6:
        return taken(field, into.backoff.stop_for, StopFor::lease);
      case 7:
        return taken(field, into.backoff.stop_reason);
      default:
        return {};
    }
  });
}

}  // namespace cube::worker
