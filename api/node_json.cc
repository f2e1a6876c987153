// A Node as people see it, and the NodeInfo that a report carries.

#include "api/codec.h"
#include "api/json_reader.h"
#include "api/json_writer.h"
#include "api/node_info_json.h"
#include "api/stats_json.h"

namespace cube::api {

namespace {

constexpr std::int64_t kib = 1024;

constexpr Field<Resources> resource_fields[] = {
    {"CpuMilli", field<&Resources::cpu_milli>},
    {"MemoryBytes", field<&Resources::memory_bytes>},
    {"DiskBytes", field<&Resources::disk_bytes>},
};

Result<void> read_capacity(const Value& v, const At& at, NodeInfo& info) {
  return decode(v, at, Part(resource_fields, info.capacity));
}

constexpr Field<NodeInfo> info_fields[] = {
    {"Name", field<&NodeInfo::name>},
    {"Capacity", read_capacity},
    {"Worker", field<&NodeInfo::worker>},
    {"Machine", field<&NodeInfo::machine>},
    {"BootID", field<&NodeInfo::boot_id>},
    {"Version", field<&NodeInfo::version>},
    {"Platform", field<&NodeInfo::platform>},
    {"EngineReady", field<&NodeInfo::engine_ready>},
    {"EngineReason", field<&NodeInfo::engine_reason>},
    {"KeepsLease", field<&NodeInfo::keeps_lease>},
    {"Labels", field<&NodeInfo::labels>},
};

// Kilobytes, as the contract has a node's memory.
template <auto Resource>
Result<void> read_kb(const Value& v, const At& at, NodeView& node) {
  std::int64_t kb = 0;
  CUBE_TRY(read_signed(v, at, 0, INT64_MAX / kib, kb));
  Resource(node).memory_bytes = kb * kib;
  return {};
}
template <auto Resource, auto Pointer>
Result<void> read_resource(const Value& v, const At& at, NodeView& node) {
  return read(v, at, Resource(node).*Pointer);
}
Resources& capacity(NodeView& node) {
  return node.info.capacity;
}
Resources& reserved(NodeView& node) {
  return node.reserved;
}

Result<void> read_host_stats(const Value& v, const At& at, NodeView& node) {
  return read_stats(v, at, node.stats);
}

constexpr Field<NodeView> node_fields[] = {
    {"Ip", field<&NodeView::ip>},
    {"Api", field<&NodeView::api>},
    {"Memory", read_kb<capacity>},
    {"MemoryAllocated", read_kb<reserved>},
    {"Disk", read_resource<capacity, &Resources::disk_bytes>},
    {"DiskAllocated", read_resource<reserved, &Resources::disk_bytes>},
    {"Stats", read_host_stats},
    {"Role", field<&NodeView::role>},
    {"TaskCount", field<&NodeView::task_count>},
    {"State", field<&NodeView::state>},
    {"Availability", field<&NodeView::availability>},
    {"Reason", field<&NodeView::reason>},
    {"CpuMilli", read_resource<capacity, &Resources::cpu_milli>},
    {"CpuMilliAllocated", read_resource<reserved, &Resources::cpu_milli>},
    {"LastHeard", field<&NodeView::last_heard>},
};

Result<void> read_node(const Value& v, const At& at, NodeView& out) {
  CUBE_TRY(decode(v, at, node_info_part(out.info), Part(node_fields, out)));
  out.name = out.info.name;
  return {};
}

void write_node(JsonWriter& w, const NodeView& node) {
  w.open_object();
  w.member("Name", node.name);
  w.member("Ip", node.ip);
  w.member("Api", node.api);
  w.member("Memory", node.info.capacity.memory_bytes / kib);
  w.member("MemoryAllocated", node.reserved.memory_bytes / kib);
  w.member("Disk", node.info.capacity.disk_bytes);
  w.member("DiskAllocated", node.reserved.disk_bytes);
  w.key("Stats");
  write_stats(w, node.stats, node.task_count);
  w.member("Role", node.role);
  w.member("TaskCount", node.task_count);
  w.member("State", node.state);
  w.member("Availability", node.availability);
  w.member("Reason", node.reason);
  w.member("CpuMilli", node.info.capacity.cpu_milli);
  w.member("CpuMilliAllocated", node.reserved.cpu_milli);
  w.member("LastHeard", format_time(node.last_heard));
  write_node_facts(w, node.info);
  w.close_object();
}

}  // namespace

void write_node_facts(JsonWriter& w, const NodeInfo& info) {
  w.member("Worker", info.worker.is_nil() ? std::string() : info.worker.str());
  w.member("Machine", info.machine);
  w.member("BootID", info.boot_id);
  w.member("Version", info.version);
  w.member("Platform", info.platform);
  w.member("EngineReady", info.engine_ready);
  w.member("EngineReason", info.engine_reason);
  w.member("KeepsLease", info.keeps_lease);
  w.key("Labels");
  w.open_object();
  for (const auto& [key, value] : info.labels) {
    w.key_text(key);
    w.text(value);
  }
  w.close_object();
}

void write_node_info(JsonWriter& w, const NodeInfo& info) {
  w.member("Name", info.name);
  w.key("Capacity");
  w.open_object();
  w.member("CpuMilli", info.capacity.cpu_milli);
  w.member("MemoryBytes", info.capacity.memory_bytes);
  w.member("DiskBytes", info.capacity.disk_bytes);
  w.close_object();
  write_node_facts(w, info);
}

Part<NodeInfo> node_info_part(NodeInfo& out) {
  return {info_fields, out};
}

std::string node_json(const NodeView& node) {
  JsonWriter w;
  write_node(w, node);
  return std::move(w).finish();
}

std::string nodes_json(const std::vector<NodeView>& nodes) {
  JsonWriter w;
  w.open_list();
  for (const NodeView& node : nodes) write_node(w, node);
  w.close_list();
  return std::move(w).finish();
}

Result<NodeView> parse_node(std::string_view json) {
  auto value = read_json(json);
  if (!value) return std::move(value).error();
  NodeView node;
  CUBE_TRY(read_node(*value, At(Reading::message), node));
  return node;
}

Result<std::vector<NodeView>> parse_nodes(std::string_view json) {
  return parse_list<NodeView>(json, read_node);
}

}  // namespace cube::api
