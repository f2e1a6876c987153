#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>

#include "cmd/commands.h"
#include "cmd/process.h"
#include "cmd/worker_parts.h"
#include "daemon/guard.h"

namespace cube::cmd {
namespace {

std::atomic<bool> was_told_to_end = false;

// Out of the worker's sight: no child of it, none of its files but the log, and no end with it.
bool go_into_background() {
  const pid_t pid = ::fork();
  if (pid < 0) ::_exit(1);
  if (pid > 0) ::_exit(0);
  const int nothing = ::open("/dev/null", O_RDWR);
  if (nothing >= 0) ::dup2(nothing, STDIN_FILENO);
  ::close_range(STDERR_FILENO + 1, ~0U, 0);
  if (::chdir("/") != 0) return false;
  struct sigaction told {};
  told.sa_handler = [](int) { was_told_to_end = true; };
  told.sa_flags = SA_RESTART;
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) ::sigaction(signal, &told, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  ::unsetenv("NOTIFY_SOCKET");
  return true;
}

}  // namespace

daemon::GuardStart guard_of(const cli::WorkerOptions& options) {
  std::error_code none;
  const auto directory = std::filesystem::absolute(options.data_dir, none);
  const std::string page = (directory / "guard").string();
  return {page,
          {"/proc/self/exe", std::string(guard_command), page, options.cluster, options.name,
           options.docker_host, options.log_format == cli::LogFormat::json ? "json" : "text"}};
}

int run_guard(const std::vector<std::string>& arguments) {
  if (arguments.size() != 5 || !go_into_background()) return 1;
  daemon::Log log(arguments[4] == "json" ? daemon::Log::Format::json : daemon::Log::Format::text,
                  "guard");
  http::Loop loop;
  auto runtime = engine(loop, arguments[3]);
  if (!runtime) return could_not_start(log, runtime.error());
  loop.start();
  daemon::GuardOptions options;
  options.page = arguments[0];
  options.cluster = arguments[1];
  options.node = arguments[2];
  auto ran =
      daemon::run_guard(options, **runtime, loop, log, [] { return was_told_to_end.load(); });
  loop.stop();
  return ran ? 0 : could_not_start(log, ran.error());
}

}  // namespace cube::cmd
