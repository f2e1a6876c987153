// cube-sim: simulated lives of a cluster, from seeds (docs/testing.md).

#include <CLI/CLI.hpp>

#include <iostream>
#include <map>

#include "sim/batch.h"
#include "sim/settings.h"

int main(int argc, char** argv) {
  using cube::sim::BatchOptions;
  CLI::App app("Simulated lives of a cluster: the real cores of manager and worker, from a seed.");
  BatchOptions options;
  std::string seeds;
  std::uint64_t seed = 0;
  std::map<std::string, std::string> set;
  app.add_option("--seed", seed, "One life, with the story of its last events if it fails");
  app.add_option("--seeds", seeds, "Many: N lives, or the seeds A..B");
  for (const auto& setting : cube::sim::settings()) {
    const std::string name(setting.name);
    app.add_option("--" + name, set[name], std::string(setting.what))->group("Instead of drawn");
  }
  const std::string policy(cube::sim::policy_setting);
  app.add_option("--" + policy, set[policy], "Placement")->group("Instead of drawn");
  app.add_option("--fault", options.only, "Only these kinds of faults (none: \"none\")")
      ->delimiter(',');
  app.add_flag("--story", options.story, "Tell every event of the life");
  app.add_flag("--quiet", options.quiet, "Nothing but the end");
  CLI11_PARSE(app, argc, argv);
  for (auto& [name, value] : set) {
    if (app.count("--" + name) > 0) options.set.emplace_back(name, value);
  }
  if (const auto error = cube::sim::check_settings(options)) {
    std::cerr << "cube-sim: " << *error << '\n';
    return 2;
  }
  if (const auto error = cube::sim::read_seeds(seeds, seed, options)) {
    std::cerr << "cube-sim: " << *error << '\n';
    return 2;
  }
  return cube::sim::run_batch(options,
                              [](const std::string& line) { std::cout << line << std::endl; })
             ? 0
             : 1;
}
