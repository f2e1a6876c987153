// Managers that hang, things that are no manager, and output that goes nowhere.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <httplib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "app_fixture.h"
#include "cli/exit_codes.h"
#include "cli/manager_client.h"

namespace cube::cli {
namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Accepts connections and never says a word.
class SilentManager {
 public:
  SilentManager() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(bind(fd_, generic, size) == 0);
    REQUIRE(listen(fd_, 8) == 0);
    REQUIRE(getsockname(fd_, generic, &size) == 0);
    port_ = ntohs(address.sin_port);
  }
  ~SilentManager() { close(fd_); }
  SilentManager(const SilentManager&) = delete;
  SilentManager& operator=(const SilentManager&) = delete;

  std::uint16_t port() const { return port_; }
  // How many have knocked since the last call.
  int connections() {
    int count = 0;
    for (int peer = 0; (peer = accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK)) >= 0; ++count)
      close(peer);
    return count;
  }

 private:
  int fd_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  std::uint16_t port_ = 0;
};

TEST_CASE("a manager that never answers is waited for once, and not asked again") {
  SilentManager silent;
  ManagerClient client({"127.0.0.1", silent.port()}, 200ms);
  const auto tasks = client.tasks();
  REQUIRE_FALSE(tasks.ok());
  CHECK(exit_for(tasks.error().code) == exit_unreachable);
  CHECK(has(tasks.error().message, "no answer within 200ms"));
  CHECK(silent.connections() == 1);
}

TEST_CASE("what is no manager is called by its address, whatever was asked") {
  httplib::Server server;
  server.Get("/tasks", [](const auto&, auto& reply) {
    reply.set_content("<html>hello</html>", "text/html");
  });
  const int port = server.bind_to_any_port("127.0.0.1");
  std::thread thread([&] { server.listen_after_bind(); });
  while (!server.is_running()) std::this_thread::yield();
  AppFixture app;
  app.environment["CUBE_MANAGER"] = "127.0.0.1:" + std::to_string(port);
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"run", "--image", "x"}, {"status"}, {"status", "web"}, {"node"}}) {
    const auto got = app.cube(words);
    CAPTURE(got.err);
    CHECK(got.code == exit_failed);
    CHECK(got.err.starts_with("cube: 127.0.0.1:" + std::to_string(port) + " "));
    CHECK(has(got.err, "is it a Cube manager?"));
  }
  server.stop();
  thread.join();
}

TEST_CASE_FIXTURE(AppFixture, "output that cannot be written is an error") {
  const int full = open("/dev/full", O_WRONLY);
  FdOutput to_full(full), to_nothing(-1);
  for (const auto& [to, reason] :
       {std::pair{&to_full, "No space left on device"}, std::pair{&to_nothing, "Bad file desc"}}) {
    output = to;
    const auto got = cube({"version"});
    CHECK(got.code == exit_failed);
    CHECK(got.err.starts_with(std::string("cube: cannot write the output: ") + reason));
  }
  close(full);
}

TEST_CASE_FIXTURE(AppFixture, "a reader that has seen enough is no error") {
  std::signal(SIGPIPE, SIG_IGN);
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  close(ends[0]);
  FdOutput pipe_without_reader(ends[1]);
  output = &pipe_without_reader;
  const auto got = cube({"help"});
  CHECK(pipe_without_reader.error_number() == EPIPE);
  CHECK(got.code == exit_fine);
  CHECK(got.err.empty());
  close(ends[1]);
}

}  // namespace
}  // namespace cube::cli
