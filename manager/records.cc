#include "manager/records.h"

#include <algorithm>
#include <string>

#include "task/record_fields.h"

namespace cube::manager {
namespace {

using record::version;
using record::view;

// Takes a field into its place; an error when kind or range are wrong.
template <class T, class... Last>
Result<void> taken(const RecordReader::Field& f, T& into, Last... last) {
  if (record::take(f, into, last...)) return {};
  return Error{Code::corrupt, "field " + std::to_string(f.tag) + " makes no sense"};
}

std::string big_endian(std::uint64_t value, int bytes) {
  std::string out;
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>((value >> shift) & 0xff));
  }
  return out;
}

std::string keyed(Table table, std::string_view rest) {
  std::string out(1, static_cast<char>(table));
  out += rest;
  return out;
}

// Calls `take(field)` for every field; the first error ends it.
template <class Take>
Result<void> each_field(std::string_view record, Take take) {
  auto reader = RecordReader::open(record, version);
  if (!reader.ok()) return std::move(reader).error();
  RecordReader::Field field;
  for (;;) {
    auto more = reader->next(field);
    if (!more.ok()) return std::move(more).error();
    if (!*more) return {};
    CUBE_TRY(take(field));
  }
}

std::string encode_info(const NodeInfo& info) {
  RecordWriter w(version);
  w.bytes(1, info.machine);
  w.bytes(2, info.boot_id);
  w.bytes(3, info.version);
  w.bytes(4, info.platform);
  w.sint(5, info.capacity.cpu_milli);
  w.sint(6, info.capacity.memory_bytes);
  w.sint(7, info.capacity.disk_bytes);
  for (const auto& [name, value] : info.labels) {
    w.bytes_always(8, name);
    w.bytes_always(9, value);
  }
  return std::move(w).finish();
}

Result<void> read_info(std::string_view record, NodeInfo& info) {
  std::string label;
  return each_field(record, [&](const RecordReader::Field& f) -> Result<void> {
    switch (f.tag) {
      case 1:
        return taken(f, info.machine);
      case 2:
        return taken(f, info.boot_id);
      case 3:
        return taken(f, info.version);
      case 4:
        return taken(f, info.platform);
      case 5:
        return taken(f, info.capacity.cpu_milli);
      case 6:
        return taken(f, info.capacity.memory_bytes);
      case 7:
        return taken(f, info.capacity.disk_bytes);
      case 8:
        return taken(f, label);
      case 9:
        return taken(f, info.labels[label]);
    }
    return {};
  });
}

}  // namespace

Duration pause_between_moves(std::uint32_t moves) {
  constexpr Duration first = 10s;
  constexpr Duration most = 10min;
  return moves >= 6 ? most : std::min(most, first * (1 << moves));
}

std::string task_key(std::uint64_t seq) {
  return keyed(Table::task, big_endian(seq, 8));
}
std::string old_task_key(const TaskId& id) {
  return keyed(Table::task_by_id, view(id.uuid));
}
std::string node_key(NodeNo no) {
  return keyed(Table::node, big_endian(static_cast<std::uint32_t>(no), 4));
}
std::string service_key(const ServiceId& id) {
  return keyed(Table::service, view(id.uuid));
}
std::string event_key(std::uint64_t revision) {
  return keyed(Table::event, big_endian(revision, 8));
}
std::string idempotency_key(const std::string& key) {
  return keyed(Table::key, key);
}

store::Write meta_record(const Meta& meta) {
  RecordWriter w(version);
  w.bytes(1, view(meta.id.uuid));
  w.uint(2, meta.epoch);
  w.uint(3, meta.next_node);
  w.bytes(4, meta.cluster);
  return store::Write::put(keyed(Table::meta, {}), std::move(w).finish());
}

store::Write task_record(const TaskEntry& t) {
  RecordWriter w(version);
  w.uint(1, t.seq);
  w.bytes(2, encode(t.task, t.kind->record));
  w.uint(3, t.container_dropped ? 1 : 0);
  w.uint(4, t.ended_revision);
  return store::Write::put(task_key(t.seq), std::move(w).finish());
}

store::Write node_record(const NodeEntry& n) {
  RecordWriter w(version);
  w.uint(1, static_cast<std::uint32_t>(n.no));
  w.bytes(2, n.address);
  w.bytes(3, n.name);
  if (!n.worker.is_nil()) w.bytes(4, view(n.worker.uuid));
  w.uint(5, n.settled ? 1 : 0);
  w.bytes(6, encode_info(n.info));
  w.uint(7, static_cast<std::uint64_t>(n.availability));
  return store::Write::put(node_key(n.no), std::move(w).finish());
}

store::Write event_record(const Event& event) {
  return store::Write::put(event_key(event.revision), encode(event));
}

store::Write key_record(const std::string& key, const Remembered& r) {
  RecordWriter w(version);
  w.uint(1, r.seq);
  w.sint(2, r.at.us);
  w.uint(3, r.content);
  for (const TaskId& id : r.tasks) w.bytes(4, view(id.uuid));
  return store::Write::put(idempotency_key(key), std::move(w).finish());
}

Result<Meta> read_meta(std::string_view record) {
  Meta out;
  CUBE_TRY(each_field(record, [&](const RecordReader::Field& f) -> Result<void> {
    switch (f.tag) {
      case 1:
        return taken(f, out.id.uuid);
      case 2:
        return taken(f, out.epoch);
      case 3:
        return taken(f, out.next_node);
      case 4:
        return taken(f, out.cluster);
    }
    return {};
  }));
  if (out.next_node == 0) return Error{Code::corrupt, "the next node has the number 0"};
  return out;
}

Result<TaskEntry> read_task(std::string_view record, Kinds& kinds) {
  TaskEntry out;
  const SpecOf spec_of = [&](std::string_view spec) -> Result<SharedSpec> {
    auto kind = kinds.of_record(spec);
    if (!kind.ok()) return std::move(kind).error();
    out.kind = *kind;
    return out.kind->spec;
  };
  CUBE_TRY(each_field(record, [&](const RecordReader::Field& f) -> Result<void> {
    switch (f.tag) {
      case 1:
        return taken(f, out.seq);
      case 2: {
        auto task = decode_task(f.bytes, spec_of);
        if (!task.ok()) return std::move(task).error();
        out.task = std::move(*task);
        break;
      }
      case 3:
        return taken(f, out.container_dropped);
      case 4:
        return taken(f, out.ended_revision);
    }
    return {};
  }));
  if (out.kind == nullptr) return Error{Code::corrupt, "a task without a spec"};
  return out;
}

Result<NodeEntry> read_node(std::string_view record) {
  NodeEntry out;
  CUBE_TRY(each_field(record, [&](const RecordReader::Field& f) -> Result<void> {
    switch (f.tag) {
      case 1:
        return taken(f, out.no, NodeNo{UINT32_MAX});
      case 2:
        return taken(f, out.address);
      case 3:
        return taken(f, out.name);
      case 4:
        return taken(f, out.worker.uuid);
      case 5:
        return taken(f, out.settled);
      case 6:
        return read_info(f.bytes, out.info);
      case 7:
        return taken(f, out.availability, Availability::drain);
    }
    return {};
  }));
  out.info.worker = out.worker;
  out.info.name = out.name;
  return out;
}

Result<Remembered> read_key(std::string_view record) {
  Remembered out;
  CUBE_TRY(each_field(record, [&](const RecordReader::Field& f) -> Result<void> {
    switch (f.tag) {
      case 1:
        return taken(f, out.seq);
      case 2:
        return taken(f, out.at);
      case 3:
        return taken(f, out.content);
      case 4:
        return taken(f, out.tasks.emplace_back().uuid);
    }
    return {};
  }));
  return out;
}

}  // namespace cube::manager
