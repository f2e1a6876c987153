#include "daemon/guard.h"

#include <fmt/format.h>

#include <future>
#include <memory>
#include <set>

#include "daemon/clock.h"
#include "daemon/guard_page.h"
#include "worker/labels.h"

namespace cube::daemon {
namespace {

using Part = GuardPage::Part;

bool lives(runtime::ContainerState state) {
  return state != runtime::ContainerState::created && state != runtime::ContainerState::exited &&
         state != runtime::ContainerState::dead;
}

// All of it happens on the loop's thread.
class Guard {
 public:
  Guard(const GuardOptions& options, GuardPage& page, runtime::Runtime& runtime, http::Loop& loop,
        Log& log, const std::function<bool()>& told_to_end)
      : options_(options),
        page_(page),
        runtime_(runtime),
        loop_(loop),
        log_(log),
        told_to_end_(told_to_end) {}

  void look() {
    const Instant now = read_lease_clock();
    page_->guard_seen = now.us;
    if (!listing_ && !is_over_ && must_act(now)) list();
    if (!is_over_) next_ = loop_.after(options_.look_every, [this] { look(); });
  }
  std::future<void> over() { return over_.get_future(); }

 private:
  bool lease_is_over(Instant now) const { return now.us >= page_->lease_until.load(); }

  // While the worker lives it gives every task its grace; should it stop doing so, this goes on.
  bool must_act(Instant now) const {
    const Instant seen{page_->worker_seen.load()};
    const bool worker_lives =
        page_.is_taken(Part::worker) && now < seen + options_.worker_silent_max;
    return lease_is_over(now) && !worker_lives;
  }

  void list() {
    listing_ = true;
    runtime_.list({{std::string(worker::label_cluster), options_.cluster},
                   {std::string(worker::label_node), options_.node},
                   {std::string(worker::label_exclusive), "true"}},
                  [this](runtime::Outcome<std::vector<runtime::Container>> outcome) {
                    listing_ = false;
                    listed(outcome);
                  });
  }

  void listed(const runtime::Outcome<std::vector<runtime::Container>>& outcome) {
    const auto* found = std::get_if<std::vector<runtime::Container>>(&outcome);
    if (found == nullptr) {
      if (told_to_end_() && !page_.is_taken(Part::worker)) end();
      return;
    }
    if (!must_act(read_lease_clock())) return;  // the worker is back
    bool is_clear = under_way_.empty();
    for (const auto& container : *found) {
      // What was made and not started goes: a start that the worker asks for late finds nothing.
      const bool is_made = container.state == runtime::ContainerState::created;
      if (!is_made && !lives(container.state)) continue;
      is_clear = false;
      if (!under_way_.insert(container.id).second) continue;
      const auto done = [this, id = container.id](const runtime::Outcome<runtime::Done>&) {
        under_way_.erase(id);  // should it have failed, the next look begins again
      };
      if (is_made) {
        runtime_.remove(container.id, done);
        continue;
      }
      log_.warn("guard.stops", container.name + ": its lease ran out, and the worker is silent");
      runtime_.stop(container.id, runtime::own_grace, done);
    }
    // With the worker's lock in hand no worker can count on this guard while it goes.
    if (is_clear && page_.take(Part::worker)) end();
  }

  void end() {
    page_->guard_seen = 0;
    is_over_ = true;
    next_.reset();
    over_.set_value();
  }

  const GuardOptions& options_;
  GuardPage& page_;
  runtime::Runtime& runtime_;
  http::Loop& loop_;
  Log& log_;
  const std::function<bool()>& told_to_end_;
  std::unique_ptr<http::Loop::Timer> next_;
  std::set<std::string> under_way_;  // containers that the engine was told to stop or remove
  bool listing_ = false;
  bool is_over_ = false;
  std::promise<void> over_;
};

}  // namespace

Result<void> run_guard(const GuardOptions& options, runtime::Runtime& runtime, http::Loop& loop,
                       Log& log, const std::function<bool()>& told_to_end) {
  auto page = GuardPage::open(options.page, false);
  if (!page) return std::move(page).error();
  if (!page->take(Part::guard)) return {};
  Guard guard(options, *page, runtime, loop, log, told_to_end);
  auto over = guard.over();
  loop.post([&guard] { guard.look(); });
  over.wait();
  loop.stop();  // nothing may call a guard that is gone
  return {};
}

}  // namespace cube::daemon
