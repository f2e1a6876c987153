// What can be asked between steps, and the outside of Manager.

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/text.h"
#include "manager/impl.h"

namespace cube::manager {
namespace {

// A shorter text is a name, not the beginning of an id.
constexpr std::size_t uuid_text_bytes = 36;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

// The lowest id whose text begins with `prefix` (hexadecimal digits and hyphens in their places),
// or nothing when no id's text can.
std::optional<TaskId> lowest_with(const std::string& prefix) {
  std::string text = "00000000-0000-0000-0000-000000000000";
  if (prefix.size() > text.size()) return std::nullopt;
  std::copy(prefix.begin(), prefix.end(), text.begin());
  return TaskId::parse(text);
}

Error ambiguous(std::string_view what, std::string_view ref) {
  return {Code::conflict, fmt::format("more than one task has the {} {}; use more of its ID", what,
                                      printable(ref))};
}

}  // namespace

std::string_view name(NodeState state) {
  switch (state) {
    case NodeState::joining:
      return "joining";
    case NodeState::ready:
      return "ready";
    case NodeState::engine_down:
      return "engine-down";
    case NodeState::silent:
      return "silent";
    case NodeState::lost:
      return "lost";
    case NodeState::quarantined:
      return "quarantined";
    case NodeState::refused:
      return "refused";
    case NodeState::paused:
      return "paused";
    case NodeState::draining:
      return "draining";
  }
  CUBE_UNREACHABLE();
}

Result<const TaskEntry*> Core::find_task(std::string_view ref) const {
  if (ref.empty()) return Error{Code::not_found, "no task without a name"};
  // A name: the only one, or the only one of them that is not over.
  const auto all = kinds_.named(ref);
  const TaskEntry* named = nullptr;
  std::size_t going = 0;
  for (const TaskEntry* t : all) {
    const bool over = t->task.is_terminal();
    if (!over) ++going;
    if (named == nullptr || !over) named = t;
  }
  if (named != nullptr && (going == 1 || all.size() == 1)) return named;
  if (named != nullptr) return ambiguous("name", ref);

  const std::string prefix = lower(ref);
  const auto from = lowest_with(prefix);
  auto at = from ? tasks_.lower_bound(*from) : tasks_.end();
  if (at == tasks_.end() || !at->first.str().starts_with(prefix)) {
    return Error{Code::not_found, "no task " + printable(ref)};
  }
  const auto next = std::next(at);
  if (next != tasks_.end() && next->first.str().starts_with(prefix)) {
    return ambiguous("ID prefix", ref);
  }
  return &at->second;
}

NodeEntry* Core::find_node(std::string_view name_or_address) {
  return directory_.find(name_or_address);
}

Node Core::view(const NodeEntry& n) const {
  Node out = figures(n);
  out.info = n.info;
  out.stats = n.stats;
  return out;
}

Node Core::figures(const NodeEntry& n) const {
  Node out;
  out.no = n.no;
  out.name = n.shown();
  out.address = n.address;
  out.state = n.state;
  out.availability = n.availability;
  out.reason = n.reason;
  out.session = n.session;
  out.info.capacity = n.info.capacity;
  if (n.index) out.reserved = pool_.reserved(*n.index);
  out.task_count = static_cast<std::uint32_t>(n.holdings.size());
  out.last_heard = n.last_heard;
  return out;
}

// --- Manager ------------------------------------------------------------------------------------

Manager::Manager(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Manager::~Manager() = default;
Manager::Manager(Manager&&) noexcept = default;

Result<Manager> Manager::load(Config config, Rng rng,
                              std::vector<std::pair<std::string, std::string>> records) {
  return load_from(std::move(config), rng, [&](const Visit& visit) -> Result<void> {
    for (const auto& [key, value] : records) CUBE_TRY(visit(key, value));
    return {};
  });
}

Result<Manager> Manager::load_from(Config config, Rng rng, const Scan& scan) {
  auto impl = std::make_unique<Impl>(std::move(config), rng);
  CUBE_TRY(impl->load(scan));
  return Manager(std::move(impl));
}

void Manager::step(Now now, Input input, Effects& effects) {
  impl_->step(now, input, effects);
}

Instant Manager::next_wake() const {
  return impl_->next_wake();
}

std::vector<const Task*> Manager::tasks() const {
  std::vector<const Task*> out;
  out.reserve(impl_->by_seq_.size());
  impl_->by_seq_.each([&](const TaskEntry& t) { out.push_back(&t.task); });
  return out;
}

std::vector<const Task*> Manager::tasks(std::uint64_t& next, std::size_t count) const {
  std::vector<const Task*> out;
  const TaskEntry* t = impl_->by_seq_.from(next);
  for (; t != nullptr && out.size() < count; t = impl_->by_seq_.from(t->seq + 1)) {
    out.push_back(&t->task);
  }
  next = t == nullptr ? 0 : t->seq;
  return out;
}

std::size_t Manager::tasks_in(WireState state) const {
  return impl_->counted_[static_cast<std::size_t>(state)];
}

Result<const Task*> Manager::task(std::string_view ref) const {
  auto found = impl_->find_task(ref);
  if (!found.ok()) return std::move(found).error();
  return &(*found)->task;
}

std::vector<Node> Manager::nodes() const {
  std::vector<Node> out;
  for (const auto& [no, n] : impl_->nodes_) out.push_back(impl_->view(n));
  return out;
}

std::vector<Node> Manager::node_figures() const {
  std::vector<Node> out;
  out.reserve(impl_->nodes_.size());
  for (const auto& [no, n] : impl_->nodes_) out.push_back(impl_->figures(n));
  return out;
}

Result<Node> Manager::node(std::string_view ref) const {
  const NodeEntry* n = impl_->find_node(ref);
  if (n == nullptr) return Error{Code::not_found, "no node " + printable(ref)};
  return impl_->view(*n);
}

std::vector<api::ServiceView> Manager::services() const {
  return impl_->services_.views();
}

Result<api::ServiceView> Manager::service(std::string_view ref) const {
  auto found = impl_->services_.find(ref);
  if (!found.ok()) return std::move(found).error();
  return impl_->services_.view(**found);
}

Result<std::vector<const Task*>> Manager::service_tasks(std::string_view ref) const {
  auto found = impl_->services_.find(ref);
  if (!found.ok()) return std::move(found).error();
  return impl_->services_.tasks(**found);
}

Result<std::vector<api::ServicePast>> Manager::service_history(std::string_view ref) const {
  auto found = impl_->services_.find(ref);
  if (!found.ok()) return std::move(found).error();
  std::vector<api::ServicePast> out;
  for (const PastSpec& past : (*found)->history) out.push_back({past.version, past.at, past.spec});
  return out;
}

api::RouteTable Manager::routes() const {
  return impl_->services_.routes();
}
std::string Manager::routes_version() const {
  return impl_->services_.routes_version();
}

std::vector<Event> Manager::events_after(std::uint64_t revision) const {
  const auto& all = impl_->events_;
  const auto from =
      std::upper_bound(all.begin(), all.end(), revision,
                       [](std::uint64_t r, const Event& e) { return r < e.revision; });
  return {from, all.end()};
}

std::uint64_t Manager::revision() const {
  return impl_->revision_;
}
std::string Manager::paused_reason() const {
  return impl_->paused_;
}
std::uint64_t Manager::epoch() const {
  return impl_->epoch_;
}
const Counters& Manager::counters() const {
  return impl_->counters_;
}

}  // namespace cube::manager
