#include "http/head_check.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace cube::http {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_alnum(char c) {
  return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}
bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}
bool one_of(char c, std::string_view set) {
  return set.find(c) != std::string_view::npos;
}
bool is_token(char c) {
  return is_alnum(c) || one_of(c, "!#$%&'*+-.^_`|~");
}

template <class Predicate>
bool all(std::string_view text, Predicate p) {
  return std::all_of(text.begin(), text.end(), p);
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && one_of(text.front(), " \t")) text.remove_prefix(1);
  while (!text.empty() && one_of(text.back(), " \t")) text.remove_suffix(1);
  return text;
}

struct RequestLine {
  std::string_view method, target, version;
};

std::optional<Refusal> split_request_line(std::string_view line, RequestLine& out) {
  const auto first = line.find(' ');
  const auto second = first == line.npos ? line.npos : line.find(' ', first + 1);
  if (second == line.npos || line.find(' ', second + 1) != line.npos) {
    return Refusal{400, "the request line is not METHOD SP TARGET SP VERSION"};
  }
  out = {line.substr(0, first), line.substr(first + 1, second - first - 1),
         line.substr(second + 1)};
  return std::nullopt;
}

std::optional<Refusal> check_version(std::string_view version) {
  const bool shaped = version.size() == 8 && version.starts_with("HTTP/") && is_digit(version[5]) &&
                      version[6] == '.' && is_digit(version[7]);
  if (!shaped) return Refusal{400, "the request line ends in no HTTP version"};
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    return Refusal{505, "only HTTP/1.1 and HTTP/1.0 are spoken here"};
  }
  return std::nullopt;
}

std::optional<Refusal> check_request_line(std::string_view line) {
  RequestLine parts;
  if (auto refusal = split_request_line(line, parts)) return refusal;
  // Methods differ by case, and some programs do not know: none has a lower-case letter here.
  const auto fits_method = [](char c) { return is_token(c) && !(c >= 'a' && c <= 'z'); };
  if (parts.method.empty() || !all(parts.method, fits_method)) {
    return Refusal{400, "the method is not a word in upper case"};
  }
  // '\' is '/' to some, '#' ends the target for some; both must be encoded.
  const auto fits = [](char c) { return c > 0x20 && c < 0x7f && c != '\\' && c != '#'; };
  if (parts.target.empty() || !all(parts.target, fits)) {
    return Refusal{400, "the target holds a character that must be percent-encoded"};
  }
  return check_version(parts.version);
}

// "HTTP/1.1 200 OK"; what stands behind the status is for people, and may be missing.
std::optional<Refusal> check_status_line(std::string_view line) {
  const bool shaped = line.size() >= 12 && line.starts_with("HTTP/1.") &&
                      (line[7] == '0' || line[7] == '1') && line[8] == ' ' &&
                      all(line.substr(9, 3), is_digit) && line[9] != '0' &&
                      (line.size() == 12 || line[12] == ' ');
  if (!shaped) return Refusal{502, "the reply does not begin with a status line of HTTP/1"};
  return std::nullopt;
}

// The fields that decide where a message ends and whom it is for. Each may come once.
struct FramingFields {
  std::optional<std::string_view> host, content_length, transfer_encoding, expect;

  std::optional<std::string_view>* slot(std::string_view name) {
    if (equal_ignoring_case(name, "host")) return &host;
    if (equal_ignoring_case(name, "content-length")) return &content_length;
    if (equal_ignoring_case(name, "transfer-encoding")) return &transfer_encoding;
    if (equal_ignoring_case(name, "expect")) return &expect;
    return nullptr;
  }
};

std::optional<Refusal> check_field(std::string_view line, FramingFields& fields) {
  const auto colon = line.find(':');
  if (colon == line.npos) return Refusal{400, "a header line has no colon"};
  const auto name = line.substr(0, colon);
  if (name.empty() || !all(name, is_token)) {
    return Refusal{400, "a header name is empty or holds a space or another wrong character"};
  }
  auto* slot = fields.slot(name);
  if (!slot) return std::nullopt;
  if (slot->has_value()) return Refusal{400, "more than one " + std::string(name) + " header"};
  *slot = trim(line.substr(colon + 1));
  return std::nullopt;
}

// "80" of "host:80". None at all, "host:", is legal.
bool is_port(std::string_view text) {
  std::uint16_t port = 1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() ? all(text, is_digit) && port != 0 : text.empty();
}

// Labels between single dots; one may stand at the end. "1.2.3.4" is of that form too.
bool is_host_name(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty() || name.front() == '.' || name.back() == '.') return false;
  const auto fits = [](char c) { return is_alnum(c) || one_of(c, "-_."); };
  return all(name, fits) && name.find("..") == name.npos;
}

bool is_ipv6(std::string_view text) {
  in6_addr address{};
  return ::inet_pton(AF_INET6, std::string(text).c_str(), &address) == 1;
}

bool is_host(std::string_view host) {
  if (!host.starts_with('[')) {
    const auto colon = std::min(host.find(':'), host.size());
    return is_host_name(host.substr(0, colon)) &&
           is_port(host.substr(std::min(colon + 1, host.size())));
  }
  const auto end = host.find(']');
  if (end == host.npos || !is_ipv6(host.substr(1, end - 1))) return false;
  host.remove_prefix(end + 1);
  return host.empty() || (host.front() == ':' && is_port(host.substr(1)));
}

std::optional<Refusal> check_host(const FramingFields& fields, bool http11) {
  if (!fields.host) {
    if (!http11) return std::nullopt;  // HTTP/1.0 knows none
    return Refusal{400, "the Host header is missing"};
  }
  if (!is_host(*fields.host)) {
    return Refusal{400, "the Host header is not a host name or address, with a port or without"};
  }
  return std::nullopt;
}

// "http://host/path" names the host a second time: it must be the same. CONNECT, whose target is a
// host and a port, makes a tunnel of the connection, and nobody here does that.
std::optional<Refusal> check_target(const RequestLine& request, const FramingFields& fields) {
  const auto [method, target, version] = request;
  if (method == "CONNECT") return Refusal{400, "CONNECT is not spoken here"};
  if (target.front() == '/') return std::nullopt;
  if (!equal_ignoring_case(target.substr(0, 7), "http://")) {
    return Refusal{400, "the target does not begin with '/'"};
  }
  const auto authority = target.substr(7, target.find_first_of("/?", 7) - 7);
  if (!fields.host || !equal_ignoring_case(authority, *fields.host)) {
    return Refusal{400, "the target names another host than the Host header"};
  }
  return std::nullopt;
}

std::optional<Refusal> read_length(std::string_view text, std::uint64_t& length) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (text.empty() || !all(text, is_digit) || error != std::errc()) {
    return Refusal{400, "Content-Length is not a number of bytes"};
  }
  return std::nullopt;
}

std::optional<Refusal> check_framing(const FramingFields& fields, HeadFacts& facts) {
  if (fields.transfer_encoding) {
    if (fields.content_length) {
      return Refusal{400, "both Content-Length and Transfer-Encoding are given"};
    }
    if (!facts.http11) return Refusal{400, "HTTP/1.0 has no Transfer-Encoding"};
    if (!equal_ignoring_case(*fields.transfer_encoding, "chunked")) {
      return Refusal{501, "the only transfer coding known here is chunked"};
    }
    facts.chunked = true;
  }
  if (fields.content_length) {
    if (auto refusal = read_length(*fields.content_length, facts.content_length)) return refusal;
  }
  if (fields.expect) {
    if (!equal_ignoring_case(*fields.expect, "100-continue")) {
      return Refusal{417, "the only expectation known here is 100-continue"};
    }
    facts.expects_continue = facts.http11 && (facts.chunked || facts.content_length > 0);
  }
  return std::nullopt;
}

}  // namespace

std::optional<Refusal> HeadScanner::scan(std::string_view bytes) {
  const std::size_t size = std::min(bytes.size(), bytes_max_);
  while (end_ == 0 && scanned_ < size) {
    const char c = bytes[scanned_];
    if (scanned_ == line_start_ && one_of(c, " \t")) {
      return Refusal{400, "a line of the head begins with a space"};
    }
    if (!is_control(c) || c == '\t') {
      ++scanned_;
    } else if (c == '\r' && scanned_ + 1 == size) {
      break;  // its line feed is still to come
    } else if (c == '\n' || (c == '\r' && bytes[scanned_ + 1] != '\n')) {
      return Refusal{400, "a line of the head does not end in CRLF"};
    } else if (c != '\r') {
      return Refusal{400, "the head holds a control character"};
    } else {
      const auto line = bytes.substr(line_start_, scanned_ - line_start_);
      scanned_ += 2;
      if (auto refusal = line_ended(line)) return refusal;
    }
  }
  if (end_ != 0 || bytes.size() <= bytes_max_) return std::nullopt;
  if (line_start_ == 0) return Refusal{414, "the request line is too long"};
  return Refusal{431, "the header is larger than " + std::to_string(bytes_max_) + " bytes"};
}

std::optional<Refusal> HeadScanner::line_ended(std::string_view line) {
  const bool first = line_start_ == 0;
  line_start_ = scanned_;
  if (first) return of_reply_ ? check_status_line(line) : check_request_line(line);
  if (line.empty()) end_ = line_start_;
  return std::nullopt;
}

std::optional<Refusal> check_head(std::string_view head, HeadFacts& facts) {
  auto next_line = [&head] {
    const auto end = head.find("\r\n");
    const auto line = head.substr(0, end);
    head.remove_prefix(end + 2);
    return line;
  };
  RequestLine request;
  if (auto refusal = split_request_line(next_line(), request)) return refusal;
  facts.http11 = request.version == "HTTP/1.1";
  FramingFields fields;
  for (auto line = next_line(); !line.empty(); line = next_line()) {
    if (auto refusal = check_field(line, fields)) return refusal;
  }
  if (auto refusal = check_host(fields, facts.http11)) return refusal;
  if (auto refusal = check_target(request, fields)) return refusal;
  return check_framing(fields, facts);
}

std::optional<Refusal> check_reply_head(std::string_view head, ReplyFacts& facts) {
  facts.http11 = head[7] == '1';
  facts.status = (head[9] - '0') * 100 + (head[10] - '0') * 10 + (head[11] - '0');
  head.remove_prefix(head.find("\r\n") + 2);
  FramingFields fields;
  while (!head.starts_with("\r\n")) {
    const auto end = head.find("\r\n");
    if (auto refusal = check_field(head.substr(0, end), fields)) return refusal;
    head.remove_prefix(end + 2);
  }
  if (fields.transfer_encoding) {
    if (fields.content_length) {
      return Refusal{502, "both Content-Length and Transfer-Encoding are given"};
    }
    if (!facts.http11 || !equal_ignoring_case(*fields.transfer_encoding, "chunked")) {
      return Refusal{502, "a transfer coding other than chunked"};
    }
    facts.chunked = true;
  }
  if (!fields.content_length) return std::nullopt;
  facts.content_length = 0;
  return read_length(*fields.content_length, *facts.content_length);
}

}  // namespace cube::http
