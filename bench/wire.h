#pragma once
// A blocking HTTP/1.1 client of a hundred lines, for measurements: one kept-alive connection over
// TCP or a unix socket, so that the manager and the engine are asked by the very same code.

#include <cstdint>
#include <string>
#include <string_view>

namespace cube::bench {

struct Answer {
  int status = 0;
  std::string body;
};

// One connection, opened at the first request and again after it was closed. Not for threads.
// A broken connection or answer ends the program with a message: it is a measurement.
class Wire {
 public:
  // "unix:///path" or "host:port" (a numeric IPv4 address).
  explicit Wire(std::string endpoint) : endpoint_(std::move(endpoint)) {}
  ~Wire();
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  // `headers`: whole lines, each with its CR LF.
  Answer request(std::string_view method, std::string_view target, std::string_view body = {},
                 std::string_view headers = {});
  // The same, and ends the program unless the answer has `status`.
  Answer expect(int status, std::string_view method, std::string_view target,
                std::string_view body = {}, std::string_view headers = {});

 private:
  void open();
  void close();
  bool is_closed_by_peer() const;
  void send(std::string_view bytes);
  void receive();           // more into buffer_; ends the program at end of file
  std::string take_line();  // without its CR LF
  std::string take(std::size_t count);
  std::string take_chunks();

  std::string endpoint_;
  int fd_ = -1;
  std::string buffer_;
};

[[noreturn]] void die(std::string_view message);

}  // namespace cube::bench
