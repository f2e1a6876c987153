#pragma once
// `Sim`: what all parts of a simulated life share. One life is one of these.

#include "sim/checks.h"
#include "sim/hits.h"
#include "sim/options.h"
#include "sim/service_checks.h"
#include "sim/story.h"
#include "sim/timeline.h"

namespace cube::sim {

struct Sim {
  Sim(const Options& o, std::size_t story_lines_max)
      : options(o),
        root(o.seed),
        story(timeline, story_lines_max),
        checks(timeline, story, hits),
        services(timeline, hits, checks) {}
  Sim(const Sim&) = delete;

  Drift draw_drift(std::string_view whose) const {
    const std::int64_t most = options.drift_ppm_max;
    Rng rng = root.split(whose);
    return {static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(2 * most + 1))) - most};
  }

  Options options;
  Rng root;  // never drawn from: each purpose splits its own
  Timeline timeline;
  Story story;
  Hits hits;
  Checks checks;
  ServiceChecks services;
  bool calm = false;  // the faults are over
};

inline constexpr WallTime calendar_begin{1'790'000'000'000'000};

}  // namespace cube::sim
