#include "ingress/balance.h"

#include <algorithm>

#include "base/assert.h"

namespace cube::ingress {

Health::State Health::state(Instant now) const {
  if (!out_) return State::good;
  if (now < until_) return State::ejected;
  return trying_ ? State::on_trial : State::trial;
}

bool Health::is_doubtful(Instant now) const {
  if (failures_ == 0) return false;
  return now < (out_ ? until_ : failed_) + doubt;
}

void Health::chosen(Instant now) {
  if (state(now) == State::trial) trying_ = true;
}

void Health::succeeded() {
  *this = Health();
}

bool Health::failed(Instant now) {
  trying_ = false;
  ++failures_;
  failed_ = now;
  if (out_ && now < until_) return false;  // a request from before, or of the last resort
  if (!out_ && failures_ < eject_after_failures) return false;
  const Duration doubled = eject_first * (std::int64_t{1} << std::min(ejections_, 10U));
  until_ = now + std::min(doubled, eject_max);
  ++ejections_;
  out_ = true;
  return true;
}

std::optional<std::size_t> Balancer::choose(std::span<Balanced* const> replicas,
                                            std::span<const Balanced* const> tried, Instant now,
                                            bool only_once) {
  if (replicas.empty()) return std::nullopt;
  replicas_ = replicas;
  tried_ = tried;
  now_ = now;
  no_doubtful_ = only_once;
  auto chosen = choose_usable();
  if (!chosen && no_doubtful_) {
    no_doubtful_ = false;
    chosen = choose_usable();
  }
  if (!chosen) return last_resort();
  cursor_ = *chosen + 1;
  return chosen;
}

std::optional<std::size_t> Balancer::choose_usable() {
  switch (how_) {
    case service::IngressRules::Balance::round_robin:
      return next_usable(cursor_);
    case service::IngressRules::Balance::least_connections:
      return least_connections();
    case service::IngressRules::Balance::random_two:
      return random_two();
  }
  CUBE_UNREACHABLE();
}

bool Balancer::is_usable(std::size_t i) const {
  const Health& health = replicas_[i]->health;
  const auto state = health.state(now_);
  if (state != Health::State::good && state != Health::State::trial) return false;
  return !(no_doubtful_ && health.is_doubtful(now_)) && !was_tried(replicas_[i]);
}

bool Balancer::was_tried(const Balanced* replica) const {
  return std::find(tried_.begin(), tried_.end(), replica) != tried_.end();
}

std::optional<std::size_t> Balancer::next_usable(std::size_t from) {
  for (std::size_t step = 0; step < replicas_.size(); ++step) {
    const std::size_t i = (from + step) % replicas_.size();
    if (is_usable(i)) return i;
  }
  return std::nullopt;
}

// Of equals the next in turn.
std::optional<std::size_t> Balancer::least_connections() {
  std::optional<std::size_t> best;
  const std::size_t n = replicas_.size();
  for (std::size_t step = 0; step < n; ++step) {
    const std::size_t i = (cursor_ + step) % n;
    if (best && replicas_[i]->in_flight >= replicas_[*best]->in_flight) continue;
    if (is_usable(i)) best = i;
  }
  return best;
}

std::optional<std::size_t> Balancer::random_two() {
  const std::size_t n = replicas_.size();
  const auto first = next_usable(rng_.below(n));
  if (!first || n == 1) return first;
  const auto second = next_usable(*first + 1 + rng_.below(n - 1));
  if (!second) return first;
  return replicas_[*second]->in_flight < replicas_[*first]->in_flight ? second : first;
}

std::optional<std::size_t> Balancer::last_resort() const {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < replicas_.size(); ++i) {
    if (was_tried(replicas_[i])) continue;
    CUBE_ASSERT(replicas_[i]->health.state(now_) != Health::State::good);
    if (!best || replicas_[i]->health.until() < replicas_[*best]->health.until()) best = i;
  }
  return best;
}

}  // namespace cube::ingress
