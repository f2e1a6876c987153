#include "bench/wire.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/text.h"

namespace cube::bench {
namespace {

constexpr std::string_view unix_prefix = "unix://";

int connect_unix(const std::string& path) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) die("the path of the socket is too long");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    die(fmt::format("connect to {}: {}", path, std::strerror(errno)));
  }
  return fd;
}

int connect_tcp(const std::string& endpoint) {
  const auto colon = endpoint.rfind(':');
  if (colon == std::string::npos) die(fmt::format("{}: no port", endpoint));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(endpoint.c_str() + colon + 1)));
  if (::inet_pton(AF_INET, endpoint.substr(0, colon).c_str(), &address.sin_addr) != 1) {
    die(fmt::format("{}: not a numeric address", endpoint));
  }
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    die(fmt::format("connect to {}: {}", endpoint, std::strerror(errno)));
  }
  return fd;
}

}  // namespace

void die(std::string_view message) {
  fmt::print(stderr, "bench: {}\n", message);
  std::exit(1);
}

Wire::~Wire() {
  close();
}

void Wire::open() {
  fd_ = endpoint_.starts_with(unix_prefix) ? connect_unix(endpoint_.substr(unix_prefix.size()))
                                           : connect_tcp(endpoint_);
}

void Wire::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  buffer_.clear();
}

bool Wire::is_closed_by_peer() const {
  char byte = 0;
  return ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

void Wire::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) die(fmt::format("send to {}: {}", endpoint_, std::strerror(errno)));
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void Wire::receive() {
  char bytes[16 * 1024];
  const ssize_t got = ::recv(fd_, bytes, sizeof bytes, 0);
  if (got <= 0) die(fmt::format("{} closed the connection within an answer", endpoint_));
  buffer_.append(bytes, static_cast<std::size_t>(got));
}

std::string Wire::take_line() {
  std::size_t end = std::string::npos;
  while ((end = buffer_.find("\r\n")) == std::string::npos) receive();
  std::string line = buffer_.substr(0, end);
  buffer_.erase(0, end + 2);
  return line;
}

std::string Wire::take(std::size_t count) {
  while (buffer_.size() < count) receive();
  std::string out = buffer_.substr(0, count);
  buffer_.erase(0, count);
  return out;
}

std::string Wire::take_chunks() {
  std::string out;
  while (true) {
    const auto size = std::strtoul(take_line().c_str(), nullptr, 16);
    out += take(size);
    take_line();
    if (size == 0) return out;
  }
}

Answer Wire::request(std::string_view method, std::string_view target, std::string_view body,
                     std::string_view headers) {
  if (fd_ >= 0 && is_closed_by_peer()) close();  // it was idle for too long
  if (fd_ < 0) open();
  std::string head = fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\n", method, target);
  head += headers;
  if (!body.empty()) head += "Content-Type: application/json\r\n";
  if (!body.empty() || method == "POST") {
    head += fmt::format("Content-Length: {}\r\n", body.size());
  }
  send(head + "\r\n" + std::string(body));

  Answer answer;
  const std::string first = take_line();
  if (first.size() < 12 || !first.starts_with("HTTP/1.")) die("not an HTTP answer: " + first);
  answer.status = std::atoi(first.c_str() + 9);
  std::size_t length = 0;
  bool chunked = false;
  bool closes = false;
  for (std::string line = take_line(); !line.empty(); line = take_line()) {
    const auto colon = std::min(line.find(':'), line.size());
    const std::string_view name = std::string_view(line).substr(0, colon);
    std::string_view value = std::string_view(line).substr(std::min(colon + 1, line.size()));
    while (value.starts_with(' ')) value.remove_prefix(1);
    if (equal_ignoring_case(name, "content-length"))
      length = std::strtoul(value.data(), nullptr, 10);
    if (equal_ignoring_case(name, "transfer-encoding")) chunked = value.find("chunked") == 0;
    if (equal_ignoring_case(name, "connection")) closes = equal_ignoring_case(value, "close");
  }
  const bool has_body = answer.status != 204 && answer.status != 304;
  if (has_body) answer.body = chunked ? take_chunks() : take(length);
  if (closes) close();
  return answer;
}

Answer Wire::expect(int status, std::string_view method, std::string_view target,
                    std::string_view body, std::string_view headers) {
  Answer answer = request(method, target, body, headers);
  if (answer.status != status) {
    die(fmt::format("{} {} answered {}, not {}: {}", method, target, answer.status, status,
                    answer.body));
  }
  return answer;
}

}  // namespace cube::bench
