// The stored form of a TaskSpec: docs/store-format.md has the table of tags.

#include "base/rng.h"
#include "task/record_fields.h"
#include "task/spec.h"

namespace cube {
namespace {

using record::Field;
using record::take;

// DO NOT RENUMBER: stored. An item of a list begins with the tag marked (begins); the tags that
// follow it in the record belong to it.
enum Tag : std::uint32_t {
  tag_name = 1,
  tag_image = 2,
  tag_cpu_milli = 3,
  tag_memory_bytes = 4,
  tag_disk_bytes = 5,
  tag_pids_max = 6,
  tag_exposed_port = 7,  // "7777/tcp"
  tag_port = 8,          // (begins) "7777/tcp"
  tag_port_host = 9,
  tag_port_host_ip = 10,
  tag_publish_all = 11,
  tag_env = 12,
  tag_command = 13,
  tag_entrypoint = 14,
  tag_working_dir = 15,
  tag_user = 16,
  tag_label = 17,  // (begins) the key
  tag_label_value = 18,
  tag_mount = 19,  // (begins) the target
  tag_mount_kind = 20,
  tag_mount_source = 21,
  tag_mount_read_only = 22,
  tag_restart_kind = 23,
  tag_restart_max = 24,
  tag_health_kind = 25,
  tag_health_path = 26,
  tag_health_command = 27,
  tag_health_port = 28,
  tag_health_interval = 29,
  tag_health_timeout = 30,
  tag_health_retries = 31,
  tag_health_start_period = 32,
  tag_constraint = 33,
  tag_platform = 34,
  tag_pull = 35,
  tag_stop_grace = 36,
  tag_stop_signal = 37,
  tag_exclusive = 38,
  tag_mount_driver = 39,
  tag_mount_option = 40,  // (begins) the key; of the mount that began last
  tag_mount_option_value = 41,
};

// DO NOT CHANGE, even when the defaults of spec.h do: these are stored as their distance from here.
constexpr Duration stored_interval = 10s;
constexpr Duration stored_timeout = 3s;
constexpr std::int64_t stored_retries = 3;
constexpr Duration stored_stop_grace = 10s;

// a + b on the number circle: a distance may pass the ends of int64, and comes back the same way.
std::int64_t wrapping_sum(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

void put(RecordWriter& out, std::uint32_t tag, Duration value, Duration stored_from) {
  out.sint(tag, wrapping_sum(value.count(), -stored_from.count()));
}

bool take(const Field& f, Duration& out, Duration stored_from) {
  std::int64_t distance = 0;
  if (!take(f, distance)) return false;
  out = Duration(wrapping_sum(distance, stored_from.count()));
  return true;
}

// "7777/tcp"; here any protocol: what may be asked for is validate's business.
bool take(const Field& f, Port& out) {
  const std::size_t slash = f.bytes.find('/');
  if (!f.is_bytes || slash == std::string_view::npos || slash == 0 || slash > 5) return false;
  std::uint32_t number = 0;
  for (const char c : f.bytes.substr(0, slash)) {
    if (c < '0' || c > '9') return false;
    number = number * 10 + static_cast<std::uint32_t>(c - '0');
  }
  if (number > UINT16_MAX) return false;
  out.number = static_cast<std::uint16_t>(number);
  out.protocol = f.bytes.substr(slash + 1);
  return true;
}

void put_all(RecordWriter& out, std::uint32_t tag, const std::vector<std::string>& items) {
  for (const std::string& item : items) out.bytes_always(tag, item);
}

void put_health(RecordWriter& out, const HealthCheck& health) {
  out.uint(tag_health_kind, static_cast<std::uint64_t>(health.kind));
  out.bytes(tag_health_path, health.path);
  put_all(out, tag_health_command, health.command);
  out.uint(tag_health_port, health.port);
  put(out, tag_health_interval, health.interval, stored_interval);
  put(out, tag_health_timeout, health.timeout, stored_timeout);
  out.sint(tag_health_retries, std::int64_t{health.retries} - stored_retries);
  put(out, tag_health_start_period, health.start_period, 0s);
}

void put_lists(RecordWriter& out, const TaskSpec& spec) {
  for (const Port& port : spec.exposed_ports) out.bytes_always(tag_exposed_port, port.str());
  for (const PortBinding& binding : spec.ports) {
    out.bytes_always(tag_port, binding.container.str());
    out.uint(tag_port_host, binding.host_port);
    out.bytes(tag_port_host_ip, binding.host_ip);
  }
  put_all(out, tag_env, spec.env);
  put_all(out, tag_command, spec.command);
  put_all(out, tag_entrypoint, spec.entrypoint);
  for (const auto& [key, value] : spec.labels) {
    out.bytes_always(tag_label, key);
    out.bytes(tag_label_value, value);
  }
  for (const Mount& mount : spec.mounts) {
    out.bytes_always(tag_mount, mount.target);
    out.uint(tag_mount_kind, static_cast<std::uint64_t>(mount.kind));
    out.bytes(tag_mount_source, mount.source);
    out.uint(tag_mount_read_only, mount.read_only ? 1 : 0);
    out.bytes(tag_mount_driver, mount.driver);
    for (const auto& [key, value] : mount.driver_options) {
      out.bytes_always(tag_mount_option, key);
      out.bytes(tag_mount_option_value, value);
    }
  }
  put_all(out, tag_constraint, spec.constraints);
}

// Appends an element that `take`n fields fill.
template <class T>
bool take_item(const Field& f, std::vector<T>& items) {
  return take(f, items.emplace_back());
}

bool take_retries(const Field& f, std::uint32_t& out) {
  std::int64_t distance = 0;
  if (!take(f, distance)) return false;
  if (distance < -stored_retries || distance > UINT32_MAX - stored_retries) return false;
  out = static_cast<std::uint32_t>(distance + stored_retries);
  return true;
}

bool take_health(const Field& f, HealthCheck& health) {
  switch (f.tag) {
    case tag_health_kind:
      return take(f, health.kind, HealthCheck::Kind::command);
    case tag_health_path:
      return take(f, health.path);
    case tag_health_command:
      return take_item(f, health.command);
    case tag_health_port:
      return take(f, health.port);
    case tag_health_interval:
      return take(f, health.interval, stored_interval);
    case tag_health_timeout:
      return take(f, health.timeout, stored_timeout);
    case tag_health_retries:
      return take_retries(f, health.retries);
    case tag_health_start_period:
      return take(f, health.start_period, 0s);
    default:
      return true;  // of a later version
  }
}

bool take_mount(const Field& f, std::vector<Mount>& mounts) {
  if (f.tag == tag_mount) return take(f, mounts.emplace_back().target);
  if (mounts.empty()) return false;
  Mount& mount = mounts.back();
  if (f.tag == tag_mount_kind) return take(f, mount.kind, Mount::Kind::tmpfs);
  if (f.tag == tag_mount_source) return take(f, mount.source);
  if (f.tag == tag_mount_driver) return take(f, mount.driver);
  return take(f, mount.read_only);
}

bool take_port(const Field& f, std::vector<PortBinding>& ports) {
  if (f.tag == tag_port) return take(f, ports.emplace_back().container);
  if (ports.empty()) return false;
  if (f.tag == tag_port_host) return take(f, ports.back().host_port);
  return take(f, ports.back().host_ip);
}

// Puts a spec together, field after field.
class SpecReader {
 public:
  TaskSpec spec;

  bool take_field(const Field& f) {
    switch (f.tag) {
      case tag_name:
        return take(f, spec.name);
      case tag_image:
        return take(f, spec.image);
      case tag_cpu_milli:
        return take(f, spec.cpu_milli);
      case tag_memory_bytes:
        return take(f, spec.memory_bytes);
      case tag_disk_bytes:
        return take(f, spec.disk_bytes);
      case tag_pids_max:
        return take(f, spec.pids_max);
      case tag_working_dir:
        return take(f, spec.working_dir);
      case tag_user:
        return take(f, spec.user);
      case tag_restart_kind:
        return take(f, spec.restart.kind, RestartPolicy::Kind::on_failure);
      case tag_restart_max:
        return take(f, spec.restart.max);
      case tag_platform:
        return take(f, spec.platform);
      case tag_pull:
        return take(f, spec.pull, TaskSpec::Pull::never);
      case tag_stop_grace:
        return take(f, spec.stop_grace, stored_stop_grace);
      case tag_stop_signal:
        return take(f, spec.stop_signal);
      case tag_publish_all:
        return take(f, spec.publish_all);
      case tag_exclusive:
        return take(f, spec.exclusive);
      default:
        return take_list_field(f);
    }
  }

 private:
  std::string* label_value_ = nullptr;   // of the label that began last
  std::string* option_value_ = nullptr;  // of the driver's option that began last

  bool take_label(const Field& f) {
    if (f.is_bytes) label_value_ = &spec.labels[std::string(f.bytes)];
    return f.is_bytes;
  }

  bool take_option(const Field& f) {
    if (!f.is_bytes || spec.mounts.empty()) return false;
    option_value_ = &spec.mounts.back().driver_options[std::string(f.bytes)];
    return true;
  }

  bool take_list_field(const Field& f) {
    switch (f.tag) {
      case tag_exposed_port:
        return take_item(f, spec.exposed_ports);
      case tag_port:
      case tag_port_host:
      case tag_port_host_ip:
        return take_port(f, spec.ports);
      case tag_env:
        return take_item(f, spec.env);
      case tag_command:
        return take_item(f, spec.command);
      case tag_entrypoint:
        return take_item(f, spec.entrypoint);
      case tag_label:
        return take_label(f);
      case tag_label_value:
        return label_value_ != nullptr && take(f, *label_value_);
      case tag_mount:
        option_value_ = nullptr;
        return take_mount(f, spec.mounts);
      case tag_mount_kind:
      case tag_mount_source:
      case tag_mount_read_only:
      case tag_mount_driver:
        return take_mount(f, spec.mounts);
      case tag_mount_option:
        return take_option(f);
      case tag_mount_option_value:
        return option_value_ != nullptr && take(f, *option_value_);
      case tag_constraint:
        return take_item(f, spec.constraints);
      default:
        return take_health(f, spec.health);
    }
  }
};

}  // namespace

std::string encode(const TaskSpec& spec) {
  RecordWriter out(record::version);
  out.bytes(tag_name, spec.name);
  out.bytes(tag_image, spec.image);
  out.sint(tag_cpu_milli, spec.cpu_milli);
  out.sint(tag_memory_bytes, spec.memory_bytes);
  out.sint(tag_disk_bytes, spec.disk_bytes);
  out.sint(tag_pids_max, spec.pids_max);
  out.uint(tag_publish_all, spec.publish_all ? 1 : 0);
  out.bytes(tag_working_dir, spec.working_dir);
  out.bytes(tag_user, spec.user);
  out.uint(tag_restart_kind, static_cast<std::uint64_t>(spec.restart.kind));
  out.uint(tag_restart_max, spec.restart.max);
  out.bytes(tag_platform, spec.platform);
  out.uint(tag_pull, static_cast<std::uint64_t>(spec.pull));
  put(out, tag_stop_grace, spec.stop_grace, stored_stop_grace);
  out.bytes(tag_stop_signal, spec.stop_signal);
  out.uint(tag_exclusive, spec.exclusive ? 1 : 0);
  put_lists(out, spec);
  put_health(out, spec.health);
  return std::move(out).finish();
}

Result<TaskSpec> decode_spec(std::string_view bytes) {
  SpecReader reader;
  CUBE_TRY(record::read(bytes, "task spec", [&](const Field& f) { return reader.take_field(f); }));
  return std::move(reader.spec);
}

// Defaults take no room in a record, so a field that this version does not know and that is not
// used changes nothing.
std::uint64_t spec_hash(const TaskSpec& spec) {
  const std::string bytes = encode(spec);
  return stable_hash(bytes);
}

}  // namespace cube
