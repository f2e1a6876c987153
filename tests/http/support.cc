#include "tests/http/support.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstring>

namespace cube::http::testing {

using Clock = std::chrono::steady_clock;

bool eventually(const std::function<bool()>& condition) {
  const auto until = Clock::now() + patience;
  while (!condition()) {
    if (Clock::now() > until) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

}  // namespace

Peer::Peer(int fd) : fd_(fd) {
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // fails on a unix socket: fine
}

Peer Peer::connect(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto address = loopback(port);
  REQUIRE(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  return Peer(fd);
}

bool Peer::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool Peer::read_more(std::string& into, Clock::time_point until) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
  pollfd waiting{fd_, POLLIN, 0};
  if (left.count() <= 0 || ::poll(&waiting, 1, static_cast<int>(left.count())) <= 0) {
    into += "...TIMEOUT";
    return false;
  }
  char buffer[4096];
  const ssize_t n = ::recv(fd_, buffer, sizeof buffer, 0);
  if (n <= 0) return false;
  into.append(buffer, static_cast<std::size_t>(n));
  return true;
}

std::string Peer::read_all() {
  std::string out;
  const auto until = Clock::now() + patience;
  while (read_more(out, until)) {
  }
  return out;
}

std::string Peer::read_until(std::string_view token) {
  std::string out;
  const auto until = Clock::now() + patience;
  while (out.find(token) == out.npos && read_more(out, until)) {
  }
  return out;
}

void Peer::end_sending() {
  ::shutdown(fd_, SHUT_WR);
}

void Peer::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

void Peer::reset() {
  const linger hard{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  close();
}

ScriptedServer::ScriptedServer(Script script, std::string unix_path) : script_(std::move(script)) {
  if (unix_path.empty()) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    auto address = loopback(0);
    socklen_t size = sizeof address;
    REQUIRE(::bind(fd_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    endpoint_ = {{}, "127.0.0.1", ntohs(address.sin_port)};
  } else {
    fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    REQUIRE(unix_path.size() < sizeof address.sun_path);
    std::memcpy(address.sun_path, unix_path.c_str(), unix_path.size() + 1);
    ::unlink(unix_path.c_str());
    REQUIRE(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    endpoint_ = {unix_path, {}, 0};
  }
  REQUIRE(::listen(fd_, 64) == 0);
  acceptor_ = std::thread([this] { accept_all(); });
}

void ScriptedServer::accept_all() {
  for (;;) {
    const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0 || ending_) {
      if (fd >= 0) ::close(fd);
      return;
    }
    const int n = accepted_++;
    const std::lock_guard lock(mutex_);
    threads_.emplace_back([this, fd, n] {
      Peer peer(fd);
      script_(peer, n);
    });
  }
}

ScriptedServer::~ScriptedServer() {
  ending_ = true;
  ::shutdown(fd_, SHUT_RDWR);  // wakes accept
  acceptor_.join();
  for (auto& thread : threads_) thread.join();
  ::close(fd_);
  if (!endpoint_.unix_path.empty()) ::unlink(endpoint_.unix_path.c_str());
}

RunningServer::RunningServer(Handler handler, ServerOptions options) {
  loop.start();
  auto made = Server::listen(loop, std::move(options), std::move(handler));
  REQUIRE_MESSAGE(made.ok(), (made.ok() ? "" : made.error().message));
  server = std::move(*made);
  port = server->port();
}

int status_of(std::string_view reply) {
  int status = 0;
  if (reply.starts_with("HTTP/1.") && reply.size() > 12) {
    std::from_chars(reply.data() + 9, reply.data() + 12, status);
  }
  return status;
}

Result<Answer> ask(Client& client, const Endpoint& endpoint, Call call) {
  auto got = std::make_shared<std::promise<Result<Answer>>>();
  auto answer = got->get_future();
  client.call(endpoint, std::move(call),
              [got](Result<Answer> result) { got->set_value(std::move(result)); });
  if (answer.wait_for(patience) != std::future_status::ready) {
    return Error{Code::internal, "the call never called back"};
  }
  return answer.get();
}

}  // namespace cube::http::testing
