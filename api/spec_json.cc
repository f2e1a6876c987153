#include "api/spec_json.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "api/health_json.h"
#include "api/ports_json.h"
#include "base/limits.h"

namespace cube::api {

namespace {

// --- Quantities ---------------------------------------------------------------------------------

// Cores, as a number; kept in thousandths.
Result<void> read_cpu(const Value& v, const At& at, TaskSpec& spec) {
  double cores = 0;
  CUBE_TRY(read(v, at, cores));
  constexpr double cores_max = static_cast<double>(limits::task_cpu_milli_max) / 1000;
  if (cores < 0) return at.error(fmt::format("must not be negative: {}", v.describe()));
  if (cores > cores_max)
    return at.error(fmt::format("{} cores is more than {}", v.describe(), cores_max));
  spec.cpu_milli = std::llround(cores * 1000);
  if (cores > 0 && spec.cpu_milli == 0)
    return at.error(fmt::format("{} cores is less than 0.001", v.describe()));
  return {};
}

// Bytes, as an integer or as text with a unit.
template <auto Pointer>
Result<void> read_bytes(const Value& v, const At& at, TaskSpec& spec) {
  std::int64_t& bytes = spec.*Pointer;
  if (const std::string* text = v.text()) {
    auto parsed = parse_bytes(*text);
    if (!parsed) return at.error(printable(parsed.error().message));
    bytes = *parsed;
    return {};
  }
  if (v.integer() == nullptr) return at.expected("bytes as an integer or text like \"512MiB\"", v);
  CUBE_TRY(read(v, at, bytes));
  if (bytes < 0) return at.error(fmt::format("must not be negative: {}", bytes));
  return {};
}

Result<void> read_pids(const Value& v, const At& at, TaskSpec& spec) {
  CUBE_TRY(read(v, at, spec.pids_max));
  if (spec.pids_max < 0) return at.error(fmt::format("must not be negative: {}", spec.pids_max));
  return {};
}

// --- Texts and lists of them --------------------------------------------------------------------

// ["A=b"] or {"A":"b"}
Result<void> read_env(const Value& v, const At& at, TaskSpec& spec) {
  if (v.object() == nullptr) {
    if (v.list() == nullptr)
      return at.expected("a list such as [\"NAME=value\"] or an object {\"NAME\":\"value\"}", v);
    return read(v, at, spec.env);
  }
  spec.env.clear();
  for (const Member& m : *v.object()) {
    At here(at, m.key);
    std::string value;
    CUBE_TRY(read(m.value, here, value));
    if (m.key.find('=') != m.key.npos) return here.error("a name must not contain \"=\"");
    spec.env.push_back(m.key + "=" + value);
  }
  return {};
}

// A text is refused: how it would be split into words is nobody's guess.
template <auto Pointer>
Result<void> read_arguments(const Value& v, const At& at, TaskSpec& spec) {
  if (v.list() == nullptr)
    return at.expected("a list of strings such as [\"sh\", \"-c\", \"date\"]", v);
  return read(v, at, spec.*Pointer);
}

// --- Policies -----------------------------------------------------------------------------------

template <class E>
struct Word {
  std::string_view text;
  E value;
};

// One of `words`, or an error that lists them.
template <class E, std::size_t N>
Result<void> pick(std::string_view text, const At& at, const Word<E> (&words)[N], E& out) {
  std::string list;
  for (const Word<E>& word : words) {
    if (word.text == text) {
      out = word.value;
      return {};
    }
    if (!word.text.empty()) list += (list.empty() ? "" : ", ") + std::string(word.text);
  }
  std::string shown = printable(text.substr(0, 64));
  return at.error(fmt::format("\"{}\" is none of {}", shown, list));
}

constexpr Word<RestartPolicy::Kind> restart_words[] = {
    {"", RestartPolicy::Kind::unset},
    {"no", RestartPolicy::Kind::no},
    {"always", RestartPolicy::Kind::always},
    {"unless-stopped", RestartPolicy::Kind::unless_stopped},
    {"on-failure", RestartPolicy::Kind::on_failure},
};

Result<void> set_maximum(std::uint32_t max, const At& at, RestartPolicy& policy) {
  if (max != 0 && policy.max != 0 && policy.max != max)
    return at.error(fmt::format("the maximum is given twice, as {} and {}", policy.max, max));
  if (max != 0) policy.max = max;
  return {};
}

// "on-failure", "on-failure:5"
Result<void> read_policy_text(const Value& v, const At& at, RestartPolicy& policy) {
  const std::string* text = v.text();
  if (text == nullptr) return at.expected("a string", v);
  std::string_view name = *text;
  constexpr std::string_view counted = "on-failure:";
  if (name.starts_with(counted)) {
    std::string_view digits = name.substr(counted.size());
    name = counted.substr(0, counted.size() - 1);
    std::uint32_t max = 0;
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), max);
    if (error != std::errc() || end != digits.data() + digits.size())
      return at.error("after \"on-failure:\" stands the maximum, as in \"on-failure:5\"");
    CUBE_TRY(set_maximum(max, at, policy));
  }
  return pick(name, at, restart_words, policy.kind);
}

Result<void> read_maximum(const Value& v, const At& at, RestartPolicy& policy) {
  std::uint32_t max = 0;
  CUBE_TRY(read(v, at, max));
  return set_maximum(max, at, policy);
}

constexpr Field<RestartPolicy> restart_fields[] = {
    {"Name", read_policy_text},
    {"MaximumRetryCount", read_maximum},
};

Result<void> read_restart_policy(const Value& v, const At& at, TaskSpec& spec) {
  if (v.object() != nullptr) return decode(v, at, Part(restart_fields, spec.restart));
  if (v.text() == nullptr) return at.expected("a string such as \"on-failure\" or an object", v);
  return read_policy_text(v, at, spec.restart);
}

Result<void> read_restart_maximum(const Value& v, const At& at, TaskSpec& spec) {
  return read_maximum(v, at, spec.restart);
}

constexpr Word<TaskSpec::Pull> pull_words[] = {
    {"missing", TaskSpec::Pull::missing},
    {"always", TaskSpec::Pull::always},
    {"never", TaskSpec::Pull::never},
};

Result<void> read_pull(const Value& v, const At& at, TaskSpec& spec) {
  const std::string* text = v.text();
  if (text == nullptr) return at.expected("a string", v);
  if (text->empty()) return {};
  return pick(*text, at, pull_words, spec.pull);
}

// --- Mounts -------------------------------------------------------------------------------------

constexpr Word<Mount::Kind> mount_words[] = {
    {"volume", Mount::Kind::volume},
    {"bind", Mount::Kind::bind},
    {"tmpfs", Mount::Kind::tmpfs},
};

struct MountDraft {
  Mount mount;
  bool has_kind = false;
};

Result<void> read_mount_kind(const Value& v, const At& at, MountDraft& draft) {
  const std::string* text = v.text();
  if (text == nullptr) return at.expected("a string", v);
  if (text->empty()) return {};
  draft.has_kind = true;
  return pick(*text, at, mount_words, draft.mount.kind);
}

template <auto Pointer>
Result<void> in_mount(const Value& v, const At& at, MountDraft& draft) {
  return read(v, at, draft.mount.*Pointer);
}

constexpr Field<MountDraft> mount_fields[] = {
    {"Type", read_mount_kind},
    {"Source", in_mount<&Mount::source>},
    {"Target", in_mount<&Mount::target>},
    {"ReadOnly", in_mount<&Mount::read_only>},
    {"Driver", in_mount<&Mount::driver>},
    {"DriverOptions", in_mount<&Mount::driver_options>},
};

// Without a Type a Source that is a path is a host path, else the name of a volume.
Result<void> read_mount(const Value& v, const At& at, Mount& out) {
  MountDraft draft;
  CUBE_TRY(decode(v, at, Part(mount_fields, draft)));
  if (!draft.has_kind && draft.mount.source.starts_with('/')) draft.mount.kind = Mount::Kind::bind;
  out = std::move(draft.mount);
  return {};
}

Result<void> read_mounts(const Value& v, const At& at, TaskSpec& spec) {
  return read_list(v, at, spec.mounts, read_mount);
}

// --- The rest by their own files ----------------------------------------------------------------

Result<void> read_exposed(const Value& v, const At& at, TaskSpec& spec) {
  return read_exposed_ports(v, at, spec.exposed_ports);
}
Result<void> read_bindings(const Value& v, const At& at, TaskSpec& spec) {
  return read_port_bindings(v, at, spec.ports);
}
Result<void> read_health(const Value& v, const At& at, TaskSpec& spec) {
  return read_health_check(v, at, spec.health);
}

constexpr Field<TaskSpec> spec_fields[] = {
    {"Name", field<&TaskSpec::name>},
    {"Image", field<&TaskSpec::image>},
    {"Cpu", read_cpu},
    {"Memory", read_bytes<&TaskSpec::memory_bytes>},
    {"Disk", read_bytes<&TaskSpec::disk_bytes>},
    {"ExposedPorts", read_exposed},
    {"PortBindings", read_bindings},
    {"RestartPolicy", read_restart_policy},
    {"RestartMaximum", read_restart_maximum},
    {"HealthCheck", read_health},
    {"PublishAll", field<&TaskSpec::publish_all>},
    {"Env", read_env},
    {"Command", read_arguments<&TaskSpec::command>},
    {"Entrypoint", read_arguments<&TaskSpec::entrypoint>},
    {"WorkingDir", field<&TaskSpec::working_dir>},
    {"User", field<&TaskSpec::user>},
    {"Labels", field<&TaskSpec::labels>},
    {"Mounts", read_mounts},
    {"PidsLimit", read_pids},
    {"Constraints", field<&TaskSpec::constraints>},
    {"Platform", field<&TaskSpec::platform>},
    {"PullPolicy", read_pull},
    {"StopGracePeriod", field<&TaskSpec::stop_grace>},
    {"StopSignal", field<&TaskSpec::stop_signal>},
    {"Exclusive", field<&TaskSpec::exclusive>},
};

// --- Writing ------------------------------------------------------------------------------------

void write_texts(JsonWriter& w, std::string_view name, const std::vector<std::string>& texts) {
  if (texts.empty()) return;
  w.key(name);
  w.open_list();
  for (const std::string& text : texts) w.text(text);
  w.close_list();
}

void write_text_if(JsonWriter& w, std::string_view name, const std::string& text) {
  if (!text.empty()) w.member(name, text);
}

void write_map(JsonWriter& w, std::string_view name,
               const std::map<std::string, std::string>& texts) {
  if (texts.empty()) return;
  w.key(name);
  w.open_object();
  for (const auto& [key, value] : texts) {
    w.key_text(key);
    w.text(value);
  }
  w.close_object();
}

void write_mounts(JsonWriter& w, const std::vector<Mount>& mounts) {
  if (mounts.empty()) return;
  w.key("Mounts");
  w.open_list();
  for (const Mount& m : mounts) {
    w.open_object();
    w.member("Type", mount_words[static_cast<std::size_t>(m.kind)].text);
    w.member("Source", m.source);
    w.member("Target", m.target);
    w.member("ReadOnly", m.read_only);
    write_text_if(w, "Driver", m.driver);
    write_map(w, "DriverOptions", m.driver_options);
    w.close_object();
  }
  w.close_list();
}

}  // namespace

void write_spec(JsonWriter& w, const TaskSpec& spec) {
  w.member("Name", spec.name);
  w.member("Image", spec.image);
  w.key("Cpu");
  w.thousandths(spec.cpu_milli);
  w.member("Memory", spec.memory_bytes);
  w.member("Disk", spec.disk_bytes);
  w.key("ExposedPorts");
  write_exposed_ports(w, spec.exposed_ports);
  w.key("PortBindings");
  write_port_bindings(w, spec.ports);
  w.member("RestartPolicy", spec.restart.name());
  if (spec.restart.max != 0) w.member("RestartMaximum", spec.restart.max);
  w.key("HealthCheck");
  write_health_check(w, spec.health);
  if (spec.publish_all || publishes_by_default(spec)) w.member("PublishAll", spec.publish_all);
  write_texts(w, "Env", spec.env);
  write_texts(w, "Command", spec.command);
  write_texts(w, "Entrypoint", spec.entrypoint);
  write_text_if(w, "WorkingDir", spec.working_dir);
  write_text_if(w, "User", spec.user);
  write_map(w, "Labels", spec.labels);
  write_mounts(w, spec.mounts);
  if (spec.pids_max != 0) w.member("PidsLimit", spec.pids_max);
  write_texts(w, "Constraints", spec.constraints);
  write_text_if(w, "Platform", spec.platform);
  if (spec.pull != TaskSpec::Pull::missing)
    w.member("PullPolicy", pull_words[static_cast<std::size_t>(spec.pull)].text);
  if (spec.stop_grace != TaskSpec{}.stop_grace)
    w.member("StopGracePeriod", format_duration(spec.stop_grace));
  write_text_if(w, "StopSignal", spec.stop_signal);
  if (spec.exclusive) w.member("Exclusive", true);
}

bool publishes_by_default(const TaskSpec& spec) {
  return !spec.exposed_ports.empty() && spec.ports.empty();
}

Part<TaskSpec> spec_part(TaskSpec& out) {
  return {spec_fields, out};
}

}  // namespace cube::api
