#pragma once
// What a head must look like before anyone acts on it. Everything that two programs could read
// differently is refused here, on the raw bytes. In the server Beast then reads the same head, so
// that two independent readers have to agree on each request; the ingress reads no others either.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cube::http {

// Why a request is not taken, and with which status.
struct Refusal {
  int status = 400;
  std::string message;
};

// Looks for the end of a head in bytes that come piece by piece, and refuses wrong ones as soon as
// they are seen: line ends other than CRLF, control characters, folded lines, too many bytes, and a
// first line that is no HTTP/1.0 or HTTP/1.1 request (or reply).
class HeadScanner {
 public:
  enum class Of { request, reply };
  explicit HeadScanner(std::size_t bytes_max, Of of = Of::request)
      : bytes_max_(bytes_max), of_reply_(of == Of::reply) {}

  // `bytes` is the head from its first byte on, as far as it has come. Sets end() when it is whole.
  std::optional<Refusal> scan(std::string_view bytes);
  std::size_t end() const { return end_; }  // after the empty line; 0: not there yet

 private:
  std::optional<Refusal> line_ended(std::string_view line);

  std::size_t bytes_max_;
  bool of_reply_;
  std::size_t scanned_ = 0;
  std::size_t line_start_ = 0;
  std::size_t end_ = 0;
};

// What the head says about the framing of the message.
struct HeadFacts {
  bool http11 = false;
  bool chunked = false;
  bool expects_continue = false;
  std::uint64_t content_length = 0;
};

// Checks a whole head (as HeadScanner found it): every field line, the target, and how the body is
// framed.
std::optional<Refusal> check_head(std::string_view head, HeadFacts& facts);

// The same of a reply. The status of a refusal is not meant for the reply's sender.
struct ReplyFacts {
  int status = 0;
  bool http11 = false;
  bool chunked = false;
  std::optional<std::uint64_t> content_length;
};
std::optional<Refusal> check_reply_head(std::string_view head, ReplyFacts& facts);

}  // namespace cube::http
