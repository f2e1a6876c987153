#include "http/head_check.h"

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
  if (parts.method.empty() || !all(parts.method, [](char c) { return c >= 'A' && c <= 'Z'; })) {
    return Refusal{400, "the method is not a word in upper case"};
  }
  // '\' is '/' to some, '#' ends the target for some; both must be encoded.
  const auto fits = [](char c) { return c > 0x20 && c < 0x7f && c != '\\' && c != '#'; };
  if (parts.target.empty() || !all(parts.target, fits)) {
    return Refusal{400, "the target holds a character that must be percent-encoded"};
  }
  return check_version(parts.version);
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

std::optional<Refusal> check_host(const FramingFields& fields, bool http11) {
  if (!fields.host) {
    if (!http11) return std::nullopt;  // HTTP/1.0 knows none
    return Refusal{400, "the Host header is missing"};
  }
  const auto fits = [](char c) { return is_alnum(c) || one_of(c, "-._~:[]%!$&'()*+,;="); };
  if (fields.host->empty() || !all(*fields.host, fits)) {
    return Refusal{400, "the Host header is empty or holds a wrong character"};
  }
  return std::nullopt;
}

// "http://host/path" names the host a second time: it must be the same.
std::optional<Refusal> check_target(std::string_view target, const FramingFields& fields) {
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
    const auto text = *fields.content_length;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), facts.content_length);
    if (text.empty() || !all(text, is_digit) || error != std::errc()) {
      return Refusal{400, "Content-Length is not a number of bytes"};
    }
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
  for (; scanned_ < bytes.size() && end_ == 0; ++scanned_) {
    if (scanned_ >= bytes_max_) {
      if (line_start_ == 0) return Refusal{414, "the request line is too long"};
      return Refusal{431, "the header is larger than " + std::to_string(bytes_max_) + " bytes"};
    }
    const char c = bytes[scanned_];
    const bool after_cr = scanned_ > line_start_ && bytes[scanned_ - 1] == '\r';
    if (after_cr != (c == '\n')) return Refusal{400, "a line of the head does not end in CRLF"};
    if (after_cr) {
      const auto line = bytes.substr(line_start_, scanned_ - 1 - line_start_);
      if (auto refusal = line_ended(line)) return refusal;
    } else if (is_control(c) && c != '\r' && c != '\t') {
      return Refusal{400, "the head holds a control character"};
    } else if (scanned_ == line_start_ && one_of(c, " \t")) {
      return Refusal{400, "a line of the head begins with a space"};
    }
  }
  return std::nullopt;
}

std::optional<Refusal> HeadScanner::line_ended(std::string_view line) {
  const bool first = line_start_ == 0;
  line_start_ = scanned_ + 1;
  if (first) return check_request_line(line);
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
  if (auto refusal = check_target(request.target, fields)) return refusal;
  return check_framing(fields, facts);
}

}  // namespace cube::http
