// The echo server of the example task: a small static program, the only file of its image.
//
// Listens on 7777 (PORT overrides). `POST /` answers {"Msg": the Msg of the request}, `GET /` says
// hello with the container's host name, `GET /health` is 200 and `GET /healthfail` 500. A thread
// per connection, one request on each, with a short time-out. Ends at once on SIGTERM and SIGINT,
// also as process 1.

#include <netinet/in.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace {

constexpr std::size_t head_bytes_max = 16 * 1024;
constexpr std::size_t body_bytes_max = 1024 * 1024;

struct Request {
  std::string method, path, body;
};

// Reads until `done` says so; false when the peer left, was silent for too long, or sent too much.
bool read_more(int fd, std::string& bytes, std::size_t bytes_max) {
  if (bytes.size() >= bytes_max) return false;
  char chunk[8192];
  const ssize_t n = read(fd, chunk, sizeof chunk);
  if (n <= 0) return false;
  bytes.append(chunk, static_cast<std::size_t>(n));
  return true;
}

// The value of header `lower_name` in `head`, without surrounding blanks; empty when absent.
std::string header(std::string_view head, std::string_view lower_name) {
  std::size_t line = head.find("\r\n");
  while (line != std::string_view::npos) {
    line += 2;
    const std::size_t end = head.find("\r\n", line);
    const std::string_view text =
        head.substr(line, end == std::string_view::npos ? end : end - line);
    const std::size_t colon = text.find(':');
    if (colon == lower_name.size() &&
        strncasecmp(text.data(), lower_name.data(), lower_name.size()) == 0) {
      std::string_view value = text.substr(colon + 1);
      while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
      return std::string(value);
    }
    line = end;
  }
  return "";
}

std::optional<Request> read_request(int fd) {
  std::string bytes;
  std::size_t head_end = std::string::npos;
  while ((head_end = bytes.find("\r\n\r\n")) == std::string::npos) {
    if (!read_more(fd, bytes, head_bytes_max)) return std::nullopt;
  }
  const std::string head = bytes.substr(0, head_end);
  Request request;
  request.body = bytes.substr(head_end + 4);
  const std::size_t first = head.find(' ');
  const std::size_t second = head.find(' ', first + 1);
  if (first == std::string::npos || second == std::string::npos) return std::nullopt;
  request.method = head.substr(0, first);
  request.path = head.substr(first + 1, second - first - 1);
  request.path.erase(std::min(request.path.find('?'), request.path.size()));
  if (strcasecmp(header(head, "expect").c_str(), "100-continue") == 0) {
    constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    if (write(fd, go_on.data(), go_on.size()) < 0) return std::nullopt;
  }
  const std::size_t length = std::strtoul(header(head, "content-length").c_str(), nullptr, 10);
  while (request.body.size() < length) {
    if (!read_more(fd, request.body, body_bytes_max)) return std::nullopt;
  }
  return request;
}

// The JSON string literal (with its quotes) that follows the key "Msg"; nothing when there is none.
std::optional<std::string> msg_literal(std::string_view json) {
  std::size_t at = json.find("\"Msg\"");
  if (at == std::string_view::npos) return std::nullopt;
  at += 5;
  const auto skip_blanks = [&] {
    while (at < json.size() && std::isspace(static_cast<unsigned char>(json[at]))) ++at;
  };
  skip_blanks();
  if (at >= json.size() || json[at] != ':') return std::nullopt;
  ++at;
  skip_blanks();
  if (at >= json.size() || json[at] != '"') return std::nullopt;
  for (std::size_t end = at + 1; end < json.size(); ++end) {
    if (json[end] == '\\') {
      ++end;
    } else if (json[end] == '"') {
      return std::string(json.substr(at, end - at + 1));
    }
  }
  return std::nullopt;
}

struct Reply {
  int status = 200;
  std::string body;
};

Reply answer(const Request& request) {
  if (request.path == "/health" && request.method != "POST") return {200, "\"ok\"\n"};
  if (request.path == "/healthfail" && request.method != "POST") {
    return {500, "\"Internal server error\"\n"};
  }
  if (request.path != "/") return {404, "{\"Message\":\"no such page\"}\n"};
  if (request.method == "POST") {
    const auto msg = msg_literal(request.body);
    if (!msg) return {400, "{\"Message\":\"send a JSON object with a text named Msg\"}\n"};
    return {200, "{\"Msg\":" + *msg + "}\n"};
  }
  if (request.method != "GET" && request.method != "HEAD") {
    return {405, "{\"Message\":\"GET or POST\"}\n"};
  }
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  return {200, "{\"Msg\":\"hello from " + std::string(host) + "\"}\n"};
}

const char* phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    default:
      return "Internal Server Error";
  }
}

void serve(int fd) {
  const auto request = read_request(fd);
  if (!request) return;
  const Reply reply = answer(*request);
  std::string out =
      "HTTP/1.1 " + std::to_string(reply.status) + " " + phrase(reply.status) +
      "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(reply.body.size()) +
      "\r\nConnection: close\r\n\r\n";
  if (request->method != "HEAD") out += reply.body;
  for (std::size_t sent = 0; sent < out.size();) {
    const ssize_t n = write(fd, out.data() + sent, out.size() - sent);
    if (n <= 0) return;
    sent += static_cast<std::size_t>(n);
  }
  std::printf("%s %s %d\n", request->method.c_str(), request->path.c_str(), reply.status);
}

void quit(int) {
  _exit(0);
}

int listen_on(std::uint16_t port) {
  // Both address families where the kernel has them, else IPv4 alone.
  int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1, off = 0;
  if (fd >= 0) {
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    any.sin6_port = htons(port);
    if (bind(fd, reinterpret_cast<sockaddr*>(&any), sizeof any) == 0 && listen(fd, 64) == 0)
      return fd;
    close(fd);
  }
  fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_port = htons(port);
  if (bind(fd, reinterpret_cast<sockaddr*>(&any), sizeof any) == 0 && listen(fd, 64) == 0)
    return fd;
  return -1;
}

}  // namespace

int main() {
  std::signal(SIGTERM, quit);
  std::signal(SIGINT, quit);
  std::signal(SIGPIPE, SIG_IGN);
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const char* asked = std::getenv("PORT");
  const unsigned long port =
      asked != nullptr && *asked != '\0' ? std::strtoul(asked, nullptr, 10) : 7777;
  if (port == 0 || port > 65535) {
    std::fprintf(stderr, "echo: PORT must be between 1 and 65535\n");
    return 2;
  }
  const int listener = listen_on(static_cast<std::uint16_t>(port));
  if (listener < 0) {
    std::fprintf(stderr, "echo: cannot listen on port %lu: %s\n", port, std::strerror(errno));
    return 1;
  }
  std::printf("echo: listening on port %lu\n", port);
  for (;;) {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    const timeval patience{5, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    std::thread([fd] {
      serve(fd);
      shutdown(fd, SHUT_WR);
      close(fd);
    }).detach();
  }
}
