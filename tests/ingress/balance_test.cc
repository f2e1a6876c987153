// The choice of a replica, and how one that fails is left out and comes back.

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <map>

#include "ingress/balance.h"

using namespace cube;
using namespace cube::ingress;

namespace {

constexpr Instant t0{1'000'000'000};

struct Group {
  explicit Group(std::size_t n) : all(n) {
    for (auto& replica : all) choice.push_back(&replica);
  }
  std::deque<Balanced> all;
  std::vector<Balanced*> choice;
};

std::vector<std::size_t> choices(Balancer& balancer, Group& group, int n, Instant now = t0) {
  std::vector<std::size_t> out;
  for (int i = 0; i < n; ++i) out.push_back(*balancer.choose(group.choice, {}, now));
  return out;
}

void eject(Balanced& replica, Instant now) {
  for (std::uint32_t i = 0; i < eject_after_failures; ++i) replica.health.failed(now);
}

}  // namespace

TEST_CASE("round robin takes each in turn, also when their number changes") {
  Balancer balancer(service::IngressRules::Balance::round_robin, 1);
  Group three(3);
  CHECK(choices(balancer, three, 5) == std::vector<std::size_t>{0, 1, 2, 0, 1});
  Group two(2);
  CHECK(choices(balancer, two, 3) == std::vector<std::size_t>{0, 1, 0});
  CHECK(!balancer.choose({}, {}, t0));
}

TEST_CASE("least connections takes who has the fewest, of equals the next") {
  Balancer balancer(service::IngressRules::Balance::least_connections, 1);
  Group group(3);
  CHECK(choices(balancer, group, 4) == std::vector<std::size_t>{0, 1, 2, 0});
  group.all[0].in_flight = 2;
  group.all[1].in_flight = 1;
  group.all[2].in_flight = 5;
  CHECK(choices(balancer, group, 2) == std::vector<std::size_t>{1, 1});
}

TEST_CASE("random of two spreads, and never takes the busier of two") {
  Balancer balancer(service::IngressRules::Balance::random_two, 7);
  Group group(4);
  std::map<std::size_t, int> counts;
  for (const auto i : choices(balancer, group, 4000)) ++counts[i];
  for (std::size_t i = 0; i < 4; ++i) CHECK(counts[i] > 700);
  group.all[2].in_flight = 100;  // loses against whoever it is drawn with
  for (const auto i : choices(balancer, group, 1000)) CHECK(i != 2);
  Group one(1);
  CHECK(choices(balancer, one, 2) == std::vector<std::size_t>{0, 0});
}

TEST_CASE("what was tried is not tried again") {
  for (const auto how : {service::IngressRules::Balance::round_robin,
                         service::IngressRules::Balance::least_connections,
                         service::IngressRules::Balance::random_two}) {
    Balancer balancer(how, 3);
    Group group(3);
    std::vector<const Balanced*> tried;
    std::vector<std::size_t> order;
    while (const auto chosen = balancer.choose(group.choice, tried, t0)) {
      order.push_back(*chosen);
      tried.push_back(group.choice[*chosen]);
      REQUIRE(tried.size() <= 3);
    }
    std::sort(order.begin(), order.end());
    CHECK(order == std::vector<std::size_t>{0, 1, 2});
  }
}

TEST_CASE("a replica is ejected after failures in a row only") {
  Health health;
  CHECK_FALSE(health.failed(t0));
  CHECK_FALSE(health.failed(t0));
  health.succeeded();
  CHECK_FALSE(health.failed(t0));
  CHECK_FALSE(health.failed(t0));
  CHECK(health.state(t0) == Health::State::good);
  CHECK(health.failed(t0));
  CHECK(health.state(t0) == Health::State::ejected);
  CHECK_FALSE(health.failed(t0));  // of a request from before: not ejected for longer
  CHECK(health.until() == t0 + eject_first);
}

TEST_CASE("the way back: one request at a time, twice as long out with each failure") {
  Health health;
  Balanced replica;
  eject(replica, t0);
  health = replica.health;
  Instant now = t0;
  Duration out = eject_first;
  for (int round = 0; round < 8; ++round) {
    CAPTURE(round);
    CHECK(health.state(now + out - 1us) == Health::State::ejected);
    now = now + out;
    CHECK(health.state(now) == Health::State::trial);
    health.chosen(now);
    CHECK(health.state(now) == Health::State::on_trial);
    CHECK(health.failed(now));
    out = std::min(out * 2, eject_max);
    CHECK(health.until() == now + out);
  }
  now = now + out;
  health.chosen(now);
  health.undecided();  // the client has gone
  CHECK(health.state(now) == Health::State::trial);
  health.chosen(now);
  health.succeeded();
  CHECK(health.state(now) == Health::State::good);
  CHECK_FALSE(health.failed(now));  // and it has all its chances again
}

TEST_CASE("ejected replicas are left out, one trial request goes to who may come back") {
  for (const auto how : {service::IngressRules::Balance::round_robin,
                         service::IngressRules::Balance::least_connections,
                         service::IngressRules::Balance::random_two}) {
    Balancer balancer(how, 3);
    Group group(3);
    eject(group.all[1], t0);
    for (const auto i : choices(balancer, group, 30)) CHECK(i != 1);
    const Instant later = t0 + eject_first;
    bool tried = false;
    for (int i = 0; i < 100 && !tried; ++i) {
      const auto chosen = *balancer.choose(group.choice, {}, later);
      tried = chosen == 1;
      if (tried) group.all[1].health.chosen(later);
    }
    CHECK(tried);
    for (const auto i : choices(balancer, group, 30, later)) CHECK(i != 1);
    group.all[1].health.succeeded();
    const auto after = choices(balancer, group, 100, later);
    CHECK(std::count(after.begin(), after.end(), 1) > 0);
  }
}

TEST_CASE("what cannot be sent again goes to no doubtful replica while there is another") {
  for (const auto how : {service::IngressRules::Balance::round_robin,
                         service::IngressRules::Balance::least_connections,
                         service::IngressRules::Balance::random_two}) {
    CAPTURE(static_cast<int>(how));
    Balancer balancer(how, 3);
    Group group(3);
    const auto meets = [&](std::size_t replica, Instant now, bool only_once) {
      bool met = false;
      for (int i = 0; i < 50; ++i)
        met = met || *balancer.choose(group.choice, {}, now, only_once) == replica;
      return met;
    };
    CHECK(meets(1, t0, true));
    group.all[1].health.failed(
        t0);  // once: it is not ejected, and may be asked what can be repeated
    CHECK_FALSE(meets(1, t0, true));
    CHECK_FALSE(meets(1, t0 + doubt - 1ms, true));
    CHECK(meets(1, t0, false));
    CHECK(meets(1, t0 + doubt, true));  // for ever it is not: there may be nothing else
    eject(group.all[1], t0);
    const Instant back = group.all[1].health.until();
    CHECK(meets(1, back, false));  // the trial
    CHECK_FALSE(meets(1, back, true));
    CHECK(meets(1, back + doubt, true));
    group.all[1].health.succeeded();
    CHECK(meets(1, t0, true));
    // Nobody is without doubt: then all are as good.
    for (Balanced& replica : group.all) replica.health.failed(t0);
    CHECK(meets(1, t0, true));
    CHECK(meets(2, t0, true));
  }
}

TEST_CASE("when all are ejected the one that is back soonest is used") {
  Balancer balancer(service::IngressRules::Balance::round_robin, 3);
  Group group(3);
  eject(group.all[0], t0 + 20ms);
  eject(group.all[1], t0);
  eject(group.all[2], t0 + 10ms);
  const Instant now = t0 + 30ms;
  CHECK(*balancer.choose(group.choice, {}, now) == 1);
  const std::vector<const Balanced*> tried{&group.all[1]};
  CHECK(*balancer.choose(group.choice, tried, now) == 2);
}
