#pragma once
// `ScriptedEngine`: a unix socket that answers as a test says: engines that are too old, hung,
// half-way through a pull, or gone. Blocking threads and plain bytes, so that it shares no code
// with the client it tests.

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace cube::runtime {

// What goes back for one request.
struct Scripted {
  std::string bytes;     // the whole answer, head and body
  bool hang = false;     // no answer (more), the connection stays open
  bool hang_up = false;  // closes after the bytes
};

inline Scripted reply(int status, const std::string& body, const std::string& headers = "") {
  return {"HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Type: application/json\r\n" +
          headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body};
}

// A chunked stream that begins with `body`; it ends there, or hangs.
inline Scripted stream(const std::string& body, bool hang) {
  char size[32];
  std::snprintf(size, sizeof size, "%zx\r\n", body.size());
  Scripted out{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"};
  if (!body.empty()) out.bytes += size + body + "\r\n";
  if (!hang) out.bytes += "0\r\n\r\n";
  out.hang = hang;
  return out;
}

class ScriptedEngine {
 public:
  // `target` is the request's, with its version, such as "GET /v1.41/info".
  using Handler = std::function<Scripted(const std::string& request)>;

  explicit ScriptedEngine(Handler handler) : handler_(std::move(handler)) {
    char directory[] = "/tmp/cube-engine-XXXXXX";
    directory_ = mkdtemp(directory);
    open();
  }
  ~ScriptedEngine() {
    shut();
    rmdir(directory_.c_str());
  }
  ScriptedEngine(const ScriptedEngine&) = delete;

  std::string path() const { return directory_ + "/engine.sock"; }

  // The engine ends: every connection closes, the socket is gone.
  void shut() {
    if (listener_ < 0) return;
    closing_ = true;
    shutdown(listener_, SHUT_RDWR);
    {
      const std::lock_guard lock(mutex_);
      for (const int fd : connections_) shutdown(fd, SHUT_RDWR);
    }
    acceptor_.join();
    for (std::thread& one : serving_) one.join();
    serving_.clear();
    close(listener_);
    listener_ = -1;
    unlink(path().c_str());
  }

  void open() {
    closing_ = false;
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string where = path();
    std::memcpy(address.sun_path, where.c_str(), where.size() + 1);
    const auto* raw = reinterpret_cast<const sockaddr*>(&address);
    if (bind(listener_, raw, sizeof address) != 0 || listen(listener_, 64) != 0) abort();
    acceptor_ = std::thread([this] { accept_all(); });
  }

  std::vector<std::string> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  // Has a request with this beginning come?
  bool asked(const std::string& beginning) {
    const auto all = requests();
    return std::any_of(all.begin(), all.end(),
                       [&](const std::string& request) { return request.starts_with(beginning); });
  }

 private:
  void accept_all() {
    for (;;) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0 || closing_) {
        if (fd >= 0) close(fd);
        return;
      }
      const std::lock_guard lock(mutex_);
      connections_.push_back(fd);
      serving_.emplace_back([this, fd] { serve(fd); });
    }
  }

  void serve(int fd) {
    std::string bytes;
    while (serve_one(fd, bytes)) continue;
    {
      const std::lock_guard lock(mutex_);
      std::erase(connections_, fd);
    }
    close(fd);
  }

  // Answers one request; false when the connection is over.
  bool serve_one(int fd, std::string& bytes) {
    while (bytes.find("\r\n\r\n") == std::string::npos) {
      if (!read_some(fd, bytes)) return false;
    }
    const std::size_t head = bytes.find("\r\n\r\n") + 4;
    const std::size_t at = bytes.find("Content-Length: ");
    const std::size_t body = at < head ? std::stoul(bytes.substr(at + 16)) : 0;
    while (bytes.size() < head + body) {
      if (!read_some(fd, bytes)) return false;
    }
    const std::string request = bytes.substr(0, bytes.find(" HTTP/1.1"));
    bytes.erase(0, head + body);
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    const Scripted answer = handler_(request);
    if (send(fd, answer.bytes.data(), answer.bytes.size(), MSG_NOSIGNAL) < 0) return false;
    if (answer.hang) {
      while (read_some(fd, bytes)) continue;  // until the other side gives up
      return false;
    }
    return !answer.hang_up;
  }

  static bool read_some(int fd, std::string& bytes) {
    char chunk[4096];
    const ssize_t n = read(fd, chunk, sizeof chunk);
    if (n > 0) bytes.append(chunk, static_cast<std::size_t>(n));
    return n > 0;
  }

  Handler handler_;
  std::string directory_;
  int listener_ = -1;
  std::atomic<bool> closing_ = false;
  std::thread acceptor_;
  std::mutex mutex_;
  std::vector<int> connections_;
  std::vector<std::thread> serving_;
  std::vector<std::string> requests_;
};

}  // namespace cube::runtime
