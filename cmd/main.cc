#include "cli/app.h"
#include "cmd/commands.h"

int main(int argc, char** argv) {
  return cube::cli::run_app(argc, argv,
                            {cube::cmd::run_manager, cube::cmd::run_worker, cube::cmd::run_dev},
                            CUBE_VERSION);
}
