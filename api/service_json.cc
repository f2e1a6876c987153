// A service's spec and view, from and to JSON.

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "api/decode.h"
#include "api/json_reader.h"
#include "api/json_writer.h"
#include "api/ports_json.h"
#include "api/service.h"
#include "api/service_json.h"
#include "api/spec_json.h"

namespace cube::api {
namespace {

using service::AutoscalePolicy;
using service::IngressRules;
using service::PortRange;
using service::RateLimit;
using service::ServiceSpec;
using service::SharedVolume;
using service::UpdatePolicy;

// --- Words: an enumerator's place in its list is its number --------------------------------------

constexpr std::string_view order_words[] = {"start-first", "stop-first"};
constexpr std::string_view failure_words[] = {"pause", "continue", "rollback"};
constexpr std::string_view by_words[] = {"", "usage", "requests", "rate"};
constexpr std::string_view remove_words[] = {"highest", "least-used"};
constexpr std::string_view balance_words[] = {"round-robin", "least-connections", "random-two"};

template <class E, std::size_t N>
Result<void> read_one_of(const Value& v, const At& at, E& out, const std::string_view (&words)[N]) {
  const std::string* text = v.text();
  if (text == nullptr) return at.expected("a string", v);
  std::string list;
  for (std::size_t i = 0; i < N; ++i) {
    if (words[i] == *text) {
      out = static_cast<E>(i);
      return {};
    }
    if (!words[i].empty()) list += (list.empty() ? "" : ", ") + std::string(words[i]);
  }
  return at.error(fmt::format("\"{}\" is none of {}", printable(text->substr(0, 64)), list));
}

// --- The parts ----------------------------------------------------------------------------------

Result<void> read_order(const Value& v, const At& at, UpdatePolicy& out) {
  return read_one_of(v, at, out.order, order_words);
}
Result<void> read_on_failure(const Value& v, const At& at, UpdatePolicy& out) {
  return read_one_of(v, at, out.on_failure, failure_words);
}
Result<void> read_ratio(const Value& v, const At& at, UpdatePolicy& out) {
  double ratio = 0;
  CUBE_TRY(read(v, at, ratio));
  if (!(ratio >= 0 && ratio <= 1)) {
    return at.error(fmt::format("{} is not between 0 and 1", v.describe()));
  }
  out.max_failures_permille = static_cast<std::uint32_t>(std::lround(ratio * 1000));
  return {};
}

constexpr Field<UpdatePolicy> update_fields[] = {
    {"Order", read_order},
    {"Parallelism", field<&UpdatePolicy::parallelism>},
    {"Delay", field<&UpdatePolicy::delay>},
    {"Monitor", field<&UpdatePolicy::monitor>},
    {"MaxFailureRatio", read_ratio},
    {"FailureAction", read_on_failure},
    {"ProgressDeadline", field<&UpdatePolicy::progress_deadline>},
};

Result<void> read_by(const Value& v, const At& at, AutoscalePolicy& out) {
  return read_one_of(v, at, out.by, by_words);
}
Result<void> read_remove(const Value& v, const At& at, AutoscalePolicy& out) {
  return read_one_of(v, at, out.remove, remove_words);
}

constexpr Field<AutoscalePolicy> autoscale_fields[] = {
    {"By", read_by, Role::required},
    {"Min", field<&AutoscalePolicy::min>},
    {"Max", field<&AutoscalePolicy::max>, Role::required},
    {"High", field<&AutoscalePolicy::high>},
    {"Low", field<&AutoscalePolicy::low>},
    {"PerReplica", field<&AutoscalePolicy::per_replica>},
    {"Interval", field<&AutoscalePolicy::interval>},
    {"UpCooldown", field<&AutoscalePolicy::up_cooldown>},
    {"DownCooldown", field<&AutoscalePolicy::down_cooldown>},
    {"Stabilization", field<&AutoscalePolicy::stabilization>},
    {"MaxStep", field<&AutoscalePolicy::max_step>},
    {"Remove", read_remove},
};

// What is written as 0 is meant as something that cannot be, and not as nothing.
Result<void> read_limit(const Value& v, const At& at, RateLimit& out) {
  CUBE_TRY(read(v, at, out.requests));
  if (out.requests != 0 || at.reading() == Reading::message) return {};
  return at.error("must be at least 1; without RateLimit there is no limit");
}
constexpr Field<RateLimit> rate_fields[] = {
    {"Requests", read_limit, Role::required},
    {"Per", field<&RateLimit::per>},
};
Result<void> read_rate_limit(const Value& v, const At& at, IngressRules& out) {
  return decode(v, at, Part(rate_fields, out.rate_limit));
}
// In a message, a way to choose that only a newer version knows is no reason to serve nothing.
Result<void> read_balance(const Value& v, const At& at, IngressRules& out) {
  const auto is_known = [&](std::string_view word) { return v.text() && *v.text() == word; };
  if (at.reading() == Reading::message && v.text() && std::ranges::none_of(balance_words, is_known))
    return {};
  return read_one_of(v, at, out.balance, balance_words);
}

constexpr Field<IngressRules> ingress_fields[] = {
    {"Target", field<&IngressRules::target>},
    {"Hosts", field<&IngressRules::hosts>},
    {"Path", field<&IngressRules::path>},
    {"StripPrefix", field<&IngressRules::strip_prefix>},
    {"Port", field<&IngressRules::port>},
    {"Balance", read_balance},
    {"RateLimit", read_rate_limit},
    {"ConnectTimeout", field<&IngressRules::connect_timeout>},
    {"ResponseTimeout", field<&IngressRules::response_timeout>},
    {"IdleTimeout", field<&IngressRules::idle_timeout>},
    {"Retries", field<&IngressRules::retries>},
    {"NotCounted", field<&IngressRules::not_counted>},
};

Result<void> read_range_port(const Value& v, const At& at, PortRange& out) {
  std::string text;
  if (v.integer() != nullptr) {
    std::uint16_t number = 0;
    CUBE_TRY(read(v, at, number));
    text = std::to_string(number);
  } else {
    CUBE_TRY(read(v, at, text));
  }
  auto port = Port::parse(text);
  if (!port) return at.error(printable(port.error().message));
  out.port = *std::move(port);
  return {};
}

Result<void> read_range_start(const Value& v, const At& at, PortRange& out) {
  CUBE_TRY(read(v, at, out.start));
  if (out.start != 0 || at.reading() == Reading::message) return {};
  return at.error("must be from 1 to 65535; without PortRange there is none");
}
constexpr Field<PortRange> range_fields[] = {
    {"Start", read_range_start, Role::required},
    {"Port", read_range_port},
};

constexpr Field<SharedVolume> volume_fields[] = {
    {"Name", field<&SharedVolume::name>, Role::required},
    {"Target", field<&SharedVolume::target>, Role::required},
    {"Driver", field<&SharedVolume::driver>},
    {"Options", field<&SharedVolume::options>},
    {"SingleWriter", field<&SharedVolume::single_writer>},
};

// --- The spec -----------------------------------------------------------------------------------

struct SpecDraft {
  ServiceSpec spec;
  bool has_replicas = false, says_publish = false;
};

template <auto Pointer>
Result<void> in_spec(const Value& v, const At& at, SpecDraft& draft) {
  return read(v, at, draft.spec.*Pointer);
}
template <auto Pointer, const auto& fields>
Result<void> in_part(const Value& v, const At& at, SpecDraft& draft) {
  return decode(v, at, Part(fields, draft.spec.*Pointer));
}
Result<void> read_replicas(const Value& v, const At& at, SpecDraft& draft) {
  draft.has_replicas = true;
  return read(v, at, draft.spec.replicas);
}
Result<void> read_task_part(const Value& v, const At& at, SpecDraft& draft) {
  CUBE_TRY(decode(v, at, spec_part(draft.spec.task)));
  for (const Member& m : *v.object()) {
    draft.says_publish = draft.says_publish || equal_ignoring_case(m.key, "PublishAll");
  }
  return {};
}

constexpr Field<SpecDraft> spec_fields[] = {
    {"Name", in_spec<&ServiceSpec::name>},
    {"Task", read_task_part, Role::required},
    {"Replicas", read_replicas},
    {"Global", in_spec<&ServiceSpec::global>},
    {"Update", in_part<&ServiceSpec::update, update_fields>},
    {"Drain", in_spec<&ServiceSpec::drain>},
    {"Autoscale", in_part<&ServiceSpec::autoscale, autoscale_fields>},
    {"Ingress", in_part<&ServiceSpec::ingress, ingress_fields>},
    {"PortRange", in_part<&ServiceSpec::port_range, range_fields>},
    {"MaxPerNode", in_spec<&ServiceSpec::max_per_node>},
    {"Spread", in_spec<&ServiceSpec::spread>},
    {"Volume", in_part<&ServiceSpec::volume, volume_fields>},
};

// The only port that the task speaks of.
void default_range_port(ServiceSpec& spec) {
  if (spec.port_range.start == 0 || spec.port_range.port.number != 0) return;
  if (spec.task.exposed_ports.size() == 1 && spec.task.ports.empty()) {
    spec.port_range.port = spec.task.exposed_ports.front();
  } else if (spec.ingress.target != 0) {
    spec.port_range.port = {spec.ingress.target, "tcp"};
  }
}

// A field of the task that stands a level too high.
Result<void> check_level(const Value& v, const At& at) {
  if (v.object() == nullptr || at.reading() == Reading::message) return {};
  SpecDraft draft;
  std::vector<std::string_view> own, of_task;
  Part(spec_fields, draft).names(own);
  spec_part(draft.spec.task).names(of_task);
  for (const Member& m : *v.object()) {
    const auto is_it = [&](std::string_view name) { return equal_ignoring_case(name, m.key); };
    const auto found = std::ranges::find_if(of_task, is_it);
    if (found == of_task.end() || std::ranges::any_of(own, is_it)) continue;
    return At(at, m.key).error(fmt::format("unknown field; did you mean Task.{}?", *found));
  }
  return {};
}

Result<ServiceSpec> read_spec(const Value& v, const At& at) {
  SpecDraft draft;
  CUBE_TRY(check_level(v, at));
  CUBE_TRY(decode(v, at, Part(spec_fields, draft)));
  ServiceSpec& spec = draft.spec;
  if (draft.has_replicas && spec.global && at.reading() == Reading::submission) {
    return At(at, "Replicas").error("a global service has one replica on each node");
  }
  // What nobody can reach is of no use behind a balancer: ports that the engine chooses.
  const bool has_ports = !spec.task.ports.empty() || spec.port_range.start != 0;
  if (!draft.says_publish && !has_ports && at.reading() == Reading::submission) {
    spec.task.publish_all = true;
  }
  default_range_port(spec);
  if (spec.autoscale.by != AutoscalePolicy::By::none && !draft.has_replicas) {
    spec.replicas = spec.autoscale.min;
  }
  return std::move(spec);
}

// --- Writing ------------------------------------------------------------------------------------

template <class E, std::size_t N>
std::string_view word(E value, const std::string_view (&words)[N]) {
  return words[static_cast<std::size_t>(value)];
}

void write_texts(JsonWriter& w, std::string_view name, const std::vector<std::string>& texts) {
  w.key(name);
  w.open_list();
  for (const std::string& text : texts) w.text(text);
  w.close_list();
}

void write_update(JsonWriter& w, const UpdatePolicy& u) {
  w.key("Update");
  w.open_object();
  w.member("Order", word(u.order, order_words));
  w.member("Parallelism", u.parallelism);
  w.member("Delay", format_duration(u.delay));
  w.member("Monitor", format_duration(u.monitor));
  w.key("MaxFailureRatio");
  w.thousandths(u.max_failures_permille);
  w.member("FailureAction", word(u.on_failure, failure_words));
  w.member("ProgressDeadline", format_duration(u.progress_deadline));
  w.close_object();
}

void write_autoscale(JsonWriter& w, const AutoscalePolicy& a) {
  if (a.by == AutoscalePolicy::By::none) return;
  w.key("Autoscale");
  w.open_object();
  w.member("By", word(a.by, by_words));
  w.member("Min", a.min);
  w.member("Max", a.max);
  w.member("High", a.high);
  w.member("Low", a.low);
  w.member("PerReplica", a.per_replica);
  w.member("Interval", format_duration(a.interval));
  w.member("UpCooldown", format_duration(a.up_cooldown));
  w.member("DownCooldown", format_duration(a.down_cooldown));
  w.member("Stabilization", format_duration(a.stabilization));
  w.member("MaxStep", a.max_step);
  w.member("Remove", word(a.remove, remove_words));
  w.close_object();
}

void write_port_range(JsonWriter& w, const PortRange& range) {
  if (range.start == 0) return;
  w.key("PortRange");
  w.open_object();
  w.member("Start", range.start);
  w.member("Port", range.port.str());
  w.close_object();
}

void write_volume(JsonWriter& w, const SharedVolume& volume) {
  if (volume.name.empty()) return;
  w.key("Volume");
  w.open_object();
  w.member("Name", volume.name);
  w.member("Target", volume.target);
  w.member("Driver", volume.driver);
  w.key("Options");
  w.open_object();
  for (const auto& [key, value] : volume.options) {
    w.key_text(key);
    w.text(value);
  }
  w.close_object();
  w.member("SingleWriter", volume.single_writer);
  w.close_object();
}

void write_service_spec(JsonWriter& w, const ServiceSpec& spec) {
  w.open_object();
  w.member("Name", spec.name);
  w.key("Task");
  w.open_object();
  write_spec(w, spec.task);
  if (!spec.task.publish_all && !publishes_by_default(spec.task)) w.member("PublishAll", false);
  w.close_object();
  if (spec.global) {
    w.member("Global", true);
  } else {
    w.member("Replicas", spec.replicas);
  }
  write_update(w, spec.update);
  w.member("Drain", format_duration(spec.drain));
  write_autoscale(w, spec.autoscale);
  w.key("Ingress");
  write_ingress(w, spec.ingress);
  write_port_range(w, spec.port_range);
  w.member("MaxPerNode", spec.max_per_node);
  w.member("Spread", spec.spread);
  write_volume(w, spec.volume);
  w.close_object();
}

void write_view(JsonWriter& w, const ServiceView& view) {
  w.open_object();
  w.member("ID", view.id.str());
  w.member("Name", view.spec.name);
  w.member("Alias", view.alias);
  w.member("Version", view.version);
  w.member("TaskVersion", view.task_version);
  w.member("CreatedAt", format_time(view.created));
  w.member("UpdatedAt", format_time(view.updated));
  w.key("Spec");
  write_service_spec(w, view.spec);
  const ServiceStatus& s = view.status;
  w.key("Status");
  w.open_object();
  w.member("State", s.state);
  w.member("Message", s.message);
  w.member("Replicas", s.replicas);
  w.member("Running", s.running);
  w.member("Ready", s.ready);
  w.member("Updated", s.updated);
  w.member("Failures", s.failures);
  w.member("Failed", s.failed.str());
  write_texts(w, "Warnings", s.warnings);
  w.close_object();
  w.close_object();
}

// --- Reading what was answered -------------------------------------------------------------------

constexpr Field<ServiceStatus> status_fields[] = {
    {"State", field<&ServiceStatus::state>},       {"Message", field<&ServiceStatus::message>},
    {"Replicas", field<&ServiceStatus::replicas>}, {"Running", field<&ServiceStatus::running>},
    {"Ready", field<&ServiceStatus::ready>},       {"Updated", field<&ServiceStatus::updated>},
    {"Failures", field<&ServiceStatus::failures>}, {"Failed", field<&ServiceStatus::failed>},
    {"Warnings", field<&ServiceStatus::warnings>},
};
Result<void> read_status(const Value& v, const At& at, ServiceView& out) {
  return decode(v, at, Part(status_fields, out.status));
}
template <class T>
Result<void> read_nested_spec(const Value& v, const At& at, T& out) {
  auto spec = read_spec(v, at);
  if (!spec) return std::move(spec).error();
  out.spec = *std::move(spec);
  return {};
}

constexpr Field<ServiceView> view_fields[] = {
    {"ID", field<&ServiceView::id>, Role::required},
    {"Alias", field<&ServiceView::alias>},
    {"Version", field<&ServiceView::version>},
    {"TaskVersion", field<&ServiceView::task_version>},
    {"CreatedAt", field<&ServiceView::created>},
    {"UpdatedAt", field<&ServiceView::updated>},
    {"Spec", read_nested_spec<ServiceView>, Role::required},
    {"Status", read_status},
};
Result<void> read_view(const Value& v, const At& at, ServiceView& out) {
  return decode(v, at, Part(view_fields, out));
}

constexpr Field<ServicePast> past_fields[] = {
    {"Version", field<&ServicePast::version>},
    {"At", field<&ServicePast::at>},
    {"Spec", read_nested_spec<ServicePast>, Role::required},
};
Result<void> read_past(const Value& v, const At& at, ServicePast& out) {
  return decode(v, at, Part(past_fields, out));
}

struct Scale {
  std::uint32_t replicas = 0;
};
constexpr Field<Scale> scale_fields[] = {{"Replicas", field<&Scale::replicas>, Role::required}};

}  // namespace

Result<void> read_ingress(const Value& v, const At& at, IngressRules& out) {
  return decode(v, at, Part(ingress_fields, out));
}

void write_ingress(JsonWriter& w, const IngressRules& in) {
  w.open_object();
  w.member("Target", in.target);
  write_texts(w, "Hosts", in.hosts);
  w.member("Path", in.path);
  w.member("StripPrefix", in.strip_prefix);
  w.member("Port", in.port);
  w.member("Balance", word(in.balance, balance_words));
  if (in.rate_limit.requests != 0) {
    w.key("RateLimit");
    w.open_object();
    w.member("Requests", in.rate_limit.requests);
    w.member("Per", format_duration(in.rate_limit.per));
    w.close_object();
  }
  w.member("ConnectTimeout", format_duration(in.connect_timeout));
  w.member("ResponseTimeout", format_duration(in.response_timeout));
  w.member("IdleTimeout", format_duration(in.idle_timeout));
  w.member("Retries", in.retries);
  write_texts(w, "NotCounted", in.not_counted);
  w.close_object();
}

Result<ServiceSpec> parse_service_spec(std::string_view json) {
  auto value = read_json(json, {.values_max = request_values_max});
  if (!value) return std::move(value).error();
  auto spec = read_spec(*value, At(Reading::submission));
  if (!spec) return spec;
  CUBE_TRY(service::validate(*spec));
  return spec;
}

Result<std::uint32_t> parse_scale(std::string_view json) {
  auto value = read_json(json, {.values_max = request_values_max});
  if (!value) return std::move(value).error();
  Scale scale;
  CUBE_TRY(decode(*value, At(Reading::submission), Part(scale_fields, scale)));
  return scale.replicas;
}

Result<std::optional<std::uint64_t>> parse_if_match(std::string_view header) {
  if (header.empty() || header == "*") return std::optional<std::uint64_t>();
  std::string_view digits = header;
  if (digits.size() >= 2 && digits.front() == '"' && digits.back() == '"') {
    digits = digits.substr(1, digits.size() - 2);
  }
  std::uint64_t version = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), version);
  if (error == std::errc() && end == digits.data() + digits.size()) return std::optional(version);
  return Error{Code::invalid,
               "If-Match: " + printable(header.substr(0, 64)) + " is not a version such as \"3\""};
}

std::string service_spec_json(const ServiceSpec& spec) {
  JsonWriter w;
  write_service_spec(w, spec);
  return std::move(w).finish();
}

std::string scale_json(std::uint32_t replicas) {
  JsonWriter w;
  w.open_object();
  w.member("Replicas", replicas);
  w.close_object();
  return std::move(w).finish();
}

std::string service_json(const ServiceView& view) {
  JsonWriter w;
  write_view(w, view);
  return std::move(w).finish();
}

std::string services_json(const std::vector<ServiceView>& views) {
  JsonWriter w;
  w.open_list();
  for (const ServiceView& view : views) write_view(w, view);
  w.close_list();
  return std::move(w).finish();
}

std::string history_json(const std::vector<ServicePast>& history) {
  JsonWriter w;
  w.open_list();
  for (const ServicePast& past : history) {
    w.open_object();
    w.member("Version", past.version);
    w.member("At", format_time(past.at));
    w.key("Spec");
    write_service_spec(w, past.spec);
    w.close_object();
  }
  w.close_list();
  return std::move(w).finish();
}

Result<ServiceSpec> parse_stored_service_spec(std::string_view json) {
  auto value = read_json(json);
  if (!value) return std::move(value).error();
  return read_spec(*value, At(Reading::message));
}

Result<ServiceView> parse_service(std::string_view json) {
  auto value = read_json(json);
  if (!value) return std::move(value).error();
  ServiceView view;
  CUBE_TRY(read_view(*value, At(Reading::message), view));
  return view;
}

Result<std::vector<ServiceView>> parse_services(std::string_view json) {
  return parse_list<ServiceView>(json, read_view);
}

Result<std::vector<ServicePast>> parse_history(std::string_view json) {
  return parse_list<ServicePast>(json, read_past);
}

}  // namespace cube::api
