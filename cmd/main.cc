#include "cli/app.h"
#include "cmd/commands.h"

int main(int argc, char** argv) {
  if (argc > 1 && argv[1] == cube::cmd::guard_command) {
    return cube::cmd::run_guard({argv + 2, argv + argc});
  }
  return cube::cli::run_app(
      argc, argv,
      {cube::cmd::run_manager, cube::cmd::run_worker, cube::cmd::run_dev, cube::cmd::run_ingress},
      CUBE_VERSION);
}
