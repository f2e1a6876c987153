#include "http/parser.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <limits>
#include <optional>

#include "base/assert.h"
#include "base/limits.h"
#include "base/text.h"

namespace cube::http {

namespace {

namespace beast = boost::beast::http;
using boost::system::error_code;
using BeastText = boost::beast::string_view;

std::string_view view(BeastText text) {
  return {text.data(), text.size()};
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// What both directions share: gathers headers, drops trailers, hands the body on.
template <bool is_request>
class Reader : public beast::basic_parser<is_request> {
 public:
  std::string method, target;
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::function<void(std::string_view)> on_body;

  // Once it has seen the last chunk's size, Beast asserts that five bytes are there, but
  // "0\r\n" is where it sees it: it is given the line when at least so many have come.
  bool must_wait(std::string_view bytes) const {
    return this->is_header_done() && this->chunked() && chunk_left_ == 0 && bytes.size() < 5 &&
           bytes.starts_with("0\r\n");
  }

 private:
  void on_request_impl(beast::verb, BeastText m, BeastText t, int, error_code&) override {
    method = view(m);
    target = view(t);
  }
  void on_response_impl(int code, BeastText, int, error_code&) override { status = code; }
  void on_field_impl(beast::field, BeastText name, BeastText value, error_code&) override {
    if (!this->is_header_done()) headers.emplace_back(lower(view(name)), view(value));
  }
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(BeastText body, error_code&) override {
    if (!body.empty()) on_body(view(body));
    return body.size();
  }
  // Beast lets a line feed stand inside a quoted extension, where others see the line's end.
  void on_chunk_header_impl(std::uint64_t size, BeastText extensions, error_code& ec) override {
    chunk_left_ = size;
    for (const char c : extensions) {
      if (static_cast<unsigned char>(c) < 0x20 && c != '\t') ec = beast::error::bad_chunk_extension;
    }
  }
  std::size_t on_chunk_body_impl(std::uint64_t left, BeastText body, error_code& ec) override {
    chunk_left_ = left - body.size();
    return on_body_impl(body, ec);
  }
  void on_finish_impl(error_code&) override {}

  std::uint64_t chunk_left_ = 0;
};

bool is_limit(const error_code& ec) {
  return ec == beast::error::body_limit || ec == beast::error::header_limit;
}

std::optional<Refusal> split_query(std::string_view text, Request& request) {
  while (!text.empty()) {
    const auto piece = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), piece.size() + 1));
    if (piece.empty()) continue;
    const auto equals = std::min(piece.find('='), piece.size());
    auto name = url_decode(piece.substr(0, equals), true);
    auto value = url_decode(piece.substr(std::min(equals + 1, piece.size())), true);
    if (!name) return Refusal{400, "query: " + name.error().message};
    if (!value) return Refusal{400, "query: " + value.error().message};
    if (!is_valid_utf8(*name) || !is_valid_utf8(*value)) {
      return Refusal{400, "query: invalid UTF-8"};
    }
    request.query.emplace_back(std::move(*name), std::move(*value));
  }
  return std::nullopt;
}

// "/a%20b?c=d" or "http://host/a%20b?c=d" -> path and query, decoded.
std::optional<Refusal> split_target(std::string_view target, Request& request) {
  if (target.front() != '/')
    target.remove_prefix(std::min(target.size(), target.find_first_of("/?", 7)));
  const auto question = std::min(target.find('?'), target.size());
  const auto path = target.substr(0, question);
  // Decoded, it would look like a separator here and not elsewhere.
  if (path.find("%2F") != path.npos || path.find("%2f") != path.npos) {
    return Refusal{400, "path: an encoded '/'"};
  }
  auto decoded = url_decode(path, false);
  if (!decoded) return Refusal{400, "path: " + decoded.error().message};
  if (!is_valid_utf8(*decoded)) return Refusal{400, "path: invalid UTF-8"};
  request.path = decoded->empty() ? "/" : std::move(*decoded);
  return split_query(target.substr(std::min(question + 1, target.size())), request);
}

}  // namespace

struct RequestParser::Impl {
  Impl(std::size_t header_max, std::size_t body_max)
      : header_bytes_max(header_max), body_bytes_max(body_max), scanner(header_max) {
    reader.header_limit(std::numeric_limits<std::uint32_t>::max());  // the scanner has the limit
    reader.body_limit(body_max);
    reader.on_body = [this](std::string_view bytes) { request.body += bytes; };
  }

  std::size_t feed_head(std::string_view bytes);
  std::size_t feed_body(std::string_view bytes);
  void refuse(Refusal r) { refusal = std::move(r); }

  std::size_t header_bytes_max, body_bytes_max;
  HeadScanner scanner;
  HeadFacts facts;
  Reader<true> reader;
  Request request;
  std::optional<Refusal> refusal;
};

std::size_t RequestParser::Impl::feed_head(std::string_view bytes) {
  refusal = scanner.scan(bytes);
  if (refusal || scanner.end() == 0) return 0;
  const auto head = bytes.substr(0, scanner.end());
  if ((refusal = check_head(head, facts))) return 0;
  if (facts.content_length > body_bytes_max) {
    refuse({413,
            "the body is larger than " + format_bytes(static_cast<std::int64_t>(body_bytes_max))});
    return 0;
  }
  error_code ec;
  reader.put(boost::asio::buffer(head.data(), head.size()), ec);
  if (ec || !reader.is_header_done()) {
    refuse({400, "malformed head: " + ec.message()});
    return 0;
  }
  request.method = std::move(reader.method);
  request.headers = std::move(reader.headers);
  refusal = split_target(reader.target, request);
  reader.eager(true);
  return refusal ? 0 : head.size();
}

// In windows of the header's limit: neither a chunk's header nor the trailer can be longer than
// one, however the bytes were cut into pieces.
std::size_t RequestParser::Impl::feed_body(std::string_view bytes) {
  std::size_t taken = 0;
  while (!reader.is_done() && taken < bytes.size()) {
    const auto window = bytes.substr(taken, header_bytes_max);
    if (reader.must_wait(window)) break;
    error_code ec;
    const std::size_t n = reader.put(boost::asio::buffer(window.data(), window.size()), ec);
    taken += n;
    if (is_limit(ec)) {
      refuse({413, "the body is larger than " +
                       format_bytes(static_cast<std::int64_t>(body_bytes_max))});
      break;
    }
    if (ec && ec != beast::error::need_more) {
      refuse({400, "malformed chunked body: " + ec.message()});
      break;
    }
    if (n > 0) continue;
    if (window.size() == header_bytes_max) refuse({431, "a chunk's header is too long"});
    break;  // the rest of it is still to come
  }
  return taken;
}

RequestParser::RequestParser(std::size_t header_bytes_max, std::size_t body_bytes_max)
    : impl_(std::make_unique<Impl>(header_bytes_max, body_bytes_max)) {}
RequestParser::~RequestParser() = default;

std::size_t RequestParser::feed(std::string_view bytes) {
  std::size_t taken = 0;
  if (state() == State::head) taken = impl_->feed_head(bytes);
  if (state() == State::body && taken < bytes.size()) {
    taken += impl_->feed_body(bytes.substr(taken));
  }
  return taken;
}

RequestParser::State RequestParser::state() const {
  if (impl_->refusal) return State::refused;
  if (impl_->reader.is_done()) return State::done;
  return impl_->reader.is_header_done() ? State::body : State::head;
}

const Refusal& RequestParser::refusal() const {
  return *impl_->refusal;
}
bool RequestParser::expects_continue() const {
  return impl_->facts.expects_continue;
}
std::size_t RequestParser::body_bytes() const {
  return impl_->request.body.size();
}
bool RequestParser::http11() const {
  return impl_->facts.http11;
}
bool RequestParser::keep_alive() const {
  return impl_->reader.keep_alive();
}

Request RequestParser::take() {
  CUBE_ASSERT(state() == State::done);
  return std::move(impl_->request);
}

struct ReplyParser::Impl {
  Impl(bool to_head_, std::size_t body_max, OnBody on_body_)
      : to_head(to_head_), body_bytes_max(body_max), on_body(std::move(on_body_)) {
    begin();
  }

  void begin() {
    reader.emplace();
    reader->header_limit(limits::http_header_bytes_max);
    if (body_bytes_max > 0) {
      reader->body_limit(body_bytes_max);
    } else {
      reader->body_limit(boost::none);
    }
    if (to_head) reader->skip(true);
    reader->on_body = on_body;
    head_bytes = 0;
  }

  bool to_head;
  std::size_t body_bytes_max;
  OnBody on_body;
  std::optional<Reader<false>> reader;
  std::size_t head_bytes = 0;
  Answer answer;
};

ReplyParser::ReplyParser(bool to_head, std::size_t body_bytes_max, OnBody on_body)
    : impl_(std::make_unique<Impl>(to_head, body_bytes_max, std::move(on_body))) {}
ReplyParser::~ReplyParser() = default;

Result<std::size_t> ReplyParser::feed(std::string_view bytes) {
  if (bytes.empty() || done()) return std::size_t{0};
  auto& reader = *impl_->reader;
  if (reader.must_wait(bytes)) return std::size_t{0};
  const bool in_head = !reader.is_header_done();
  error_code ec;
  const std::size_t taken = reader.put(boost::asio::buffer(bytes.data(), bytes.size()), ec);
  if (in_head) impl_->head_bytes += taken;
  const bool too_long =
      ec == beast::error::need_more && bytes.size() - taken > limits::http_header_bytes_max;
  if (is_limit(ec) || too_long || impl_->head_bytes > limits::http_header_bytes_max) {
    return Error{Code::too_large, reader.is_header_done() && !too_long
                                      ? "the body of the reply is too large"
                                      : "the header of the reply is too large"};
  }
  if (ec && ec != beast::error::need_more) {
    return Error{Code::corrupt, "the reply is not HTTP: " + ec.message()};
  }
  if (in_head && reader.is_header_done()) {
    const int status = reader.status;
    if (status < 100) return Error{Code::corrupt, "the reply is not HTTP: no such status"};
    if (status / 100 == 1 && status != 101) {
      impl_->begin();
      return taken;
    }
    impl_->answer.status = status;
    impl_->answer.headers = std::move(reader.headers);
    reader.eager(true);
  }
  return taken;
}

Result<void> ReplyParser::feed_eof() {
  error_code ec;
  if (impl_->reader->got_some() && !done()) impl_->reader->put_eof(ec);
  if (!done()) {
    return Error{Code::unavailable, "the connection was closed in the middle of the reply"};
  }
  return {};
}

bool ReplyParser::head_done() const {
  return impl_->answer.status != 0;
}
bool ReplyParser::done() const {
  return impl_->reader->is_done();
}
bool ReplyParser::keep_alive() const {
  return impl_->reader->keep_alive();
}
Answer& ReplyParser::head() {
  return impl_->answer;
}

}  // namespace cube::http
