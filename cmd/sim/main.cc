// cube-sim: simulated lives of a cluster, from seeds (docs/testing.md).

#include <CLI/CLI.hpp>

#include <iostream>

#include "sim/batch.h"

int main(int argc, char** argv) {
  using cube::sim::BatchOptions;
  CLI::App app("Simulated lives of a cluster: the real cores of manager and worker, from a seed.");
  BatchOptions options;
  std::string seeds;
  std::uint64_t seed = 0, chaos_s = 0;
  app.add_option("--seed", seed, "One life, with the story of its last events if it fails");
  app.add_option("--seeds", seeds, "Many: N lives, or the seeds A..B");
  app.add_option("--nodes", options.nodes, "Instead of what the seed draws")
      ->check(CLI::Range(1, 100000));
  app.add_option("--clients", options.clients)->check(CLI::Range(1, 1000));
  app.add_option("--tasks", options.tasks, "Tasks submitted at most")
      ->check(CLI::Range(1, 10'000'000));
  app.add_option("--chaos", chaos_s, "Virtual seconds of chaos");
  app.add_option("--fault", options.only, "Only these kinds of faults (none: \"none\")")
      ->delimiter(',');
  app.add_flag("--story", options.story, "Tell every event of the life");
  app.add_flag("--quiet", options.quiet, "Nothing but the end");
  CLI11_PARSE(app, argc, argv);
  options.chaos = std::chrono::seconds(chaos_s);
  if (const auto error = cube::sim::read_seeds(seeds, seed, options)) {
    std::cerr << "cube-sim: " << *error << '\n';
    return 2;
  }
  return cube::sim::run_batch(options,
                              [](const std::string& line) { std::cout << line << std::endl; })
             ? 0
             : 1;
}
