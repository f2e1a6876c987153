#pragma once
// What the http tests share: raw sockets on either side (nothing of ours between the test and the
// bytes), and waiting with a deadline.

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "http/client.h"
#include "http/server.h"

namespace cube::http::testing {

// Long enough for a slow machine under a sanitizer; no test that passes waits for it.
inline constexpr Duration patience = 20s;

// Polls until `condition` holds; false if it does not within `patience`.
bool eventually(const std::function<bool()>& condition);

// One end of a raw connection. Closes when destroyed.
class Peer {
 public:
  explicit Peer(int fd);  // what is sent goes out at once: pieces stay pieces
  Peer(Peer&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~Peer() { close(); }

  static Peer connect(std::uint16_t port);

  bool send(std::string_view bytes);  // false: the other side is gone
  // Reads until the other side closes (or `patience` ends: then "...TIMEOUT" is appended).
  std::string read_all();
  // Reads until `token` has come; what was read, which lacks it if the other side closed before.
  std::string read_until(std::string_view token);
  void end_sending();
  void close();
  void reset();  // closes with RST
  int fd() const { return fd_; }

 private:
  // False at the end of the stream, an error, or the end of `patience`.
  bool read_more(std::string& into, std::chrono::steady_clock::time_point until);
  int fd_;
};

// Accepts connections and runs `script(peer, n)` for the n-th (from 0) on a thread of its own.
class ScriptedServer {
 public:
  using Script = std::function<void(Peer&, int n)>;
  explicit ScriptedServer(Script script, std::string unix_path = {});
  ~ScriptedServer();
  Endpoint endpoint() const { return endpoint_; }
  int accepted() const { return accepted_; }

 private:
  void accept_all();

  Script script_;
  Endpoint endpoint_;
  int fd_ = -1;
  std::atomic<int> accepted_ = 0;
  std::atomic<bool> ending_ = false;
  std::mutex mutex_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

// A running loop with a server whose handler is `handler`.
struct RunningServer {
  explicit RunningServer(Handler handler, ServerOptions options = {});
  Endpoint endpoint() const { return {{}, "127.0.0.1", port}; }

  Loop loop;
  std::uint16_t port = 0;
  std::unique_ptr<Server> server;
};

// The status of a raw reply; 0 if it is none.
int status_of(std::string_view reply);

// Makes a call and waits for its answer.
Result<Answer> ask(Client& client, const Endpoint& endpoint, Call call);

}  // namespace cube::http::testing
