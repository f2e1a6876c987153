#include "ingress/head.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace cube::ingress {

namespace {

using http::Refusal;

// What a field is to a proxy.
enum class Kind : std::uint8_t {
  other,
  hop,     // dropped: it is for one hop
  theirs,  // dropped: what a client says about itself
  connection,
  upgrade,
  host,
  length,
  coding,
  expect,
  user_agent,
};

char folded(char c) {
  if (c >= 'A' && c <= 'Z') return static_cast<char>(c - 'A' + 'a');
  return c == '_' ? '-' : c;
}

// Without regard to case, and '_' is '-': to many an application they are the same.
bool same(std::string_view name, std::string_view lower) {
  return std::equal(name.begin(), name.end(), lower.begin(), lower.end(),
                    [](char a, char b) { return folded(a) == b; });
}

Kind kind_by_name(std::string_view name) {
  switch (name.size()) {
    case 2:
      return same(name, "te") ? Kind::hop : Kind::other;
    case 4:
      return same(name, "host") ? Kind::host : Kind::other;
    case 6:
      return same(name, "expect") ? Kind::expect : Kind::other;
    case 7:
      if (same(name, "upgrade")) return Kind::upgrade;
      return same(name, "trailer") ? Kind::hop : Kind::other;
    case 9:
      if (same(name, "forwarded")) return Kind::theirs;
      return same(name, "x-real-ip") ? Kind::theirs : Kind::other;
    case 10:
      if (same(name, "connection")) return Kind::connection;
      if (same(name, "user-agent")) return Kind::user_agent;
      return same(name, "keep-alive") ? Kind::hop : Kind::other;
    case 14:
      return same(name, "content-length") ? Kind::length : Kind::other;
    case 16:
      return same(name, "proxy-connection") ? Kind::hop : Kind::other;
    case 17:
      return same(name, "transfer-encoding") ? Kind::coding : Kind::other;
    default:
      return Kind::other;
  }
}

Kind kind_of(std::string_view name) {
  const Kind kind = kind_by_name(name);
  if (kind == Kind::other) {
    constexpr std::string_view ours = "x-forwarded-";
    const bool forwarded = name.size() >= ours.size() && same(name.substr(0, ours.size()), ours);
    return forwarded ? Kind::theirs : kind;
  }
  // "Content_Length" is no length to us; dropped, it is none to anyone.
  return name.find('_') == name.npos ? kind : Kind::hop;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Walks header lines, which are known to be well formed.
struct Field {
  std::string_view whole;  // with its CRLF
  std::string_view name, value;
};
bool next_field(std::string_view& fields, Field& field) {
  const auto end = fields.find("\r\n");
  if (end == 0 || end == fields.npos) return false;
  field.whole = fields.substr(0, end + 2);
  const auto line = fields.substr(0, end);
  const auto colon = line.find(':');
  field.name = line.substr(0, colon);
  field.value = trim(line.substr(colon + 1));
  fields.remove_prefix(end + 2);
  return true;
}

// Copies the lines that `keeps` wants, in runs as long as they are.
template <class Keeps>
void copy_fields(std::string& out, std::string_view fields, Keeps keeps) {
  const char* run = fields.data();
  Field field;
  while (next_field(fields, field)) {
    if (keeps(field)) continue;
    out.append(run, field.whole.data());
    run = field.whole.data() + field.whole.size();
  }
  out.append(run, fields.data());
}

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// "." and "..", encoded or not.
bool is_dot_segment(std::string_view segment) {
  std::size_t dots = 0;
  while (!segment.empty()) {
    if (segment.front() == '.') {
      segment.remove_prefix(1);
    } else if (segment.starts_with("%2e") || segment.starts_with("%2E")) {
      segment.remove_prefix(3);
    } else {
      return false;
    }
    ++dots;
  }
  return dots == 1 || dots == 2;
}

// Is a separator at the front? So many bytes of it. "%2f" and "%5c" ('\\') are some to whoever
// decodes before it resolves.
std::size_t separator(std::string_view path) {
  if (path.starts_with('/')) return 1;
  const bool encoded = path.size() >= 3 && path.front() == '%';
  const int c = encoded ? hex(path[1]) * 16 + hex(path[2]) : 0;
  return c == '/' || c == '\\' ? 3 : 0;
}

bool has_dot_segment(std::string_view path) {
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t begin = at + separator(path.substr(at));
    for (at = begin; at < path.size() && separator(path.substr(at)) == 0;) ++at;
    // A segment's parameter (";v=1") is cut off by some before they resolve it.
    const auto segment = path.substr(begin, at - begin);
    if (is_dot_segment(segment.substr(0, segment.find(';')))) return true;
  }
  return false;
}

std::optional<Refusal> check_path(std::string_view path) {
  for (auto at = path.find('%'); at != path.npos; at = path.find('%', at + 1)) {
    const bool whole = at + 2 < path.size() && hex(path[at + 1]) >= 0 && hex(path[at + 2]) >= 0;
    if (!whole) return Refusal{400, "path: '%' without two hexadecimal digits"};
    const int c = hex(path[at + 1]) * 16 + hex(path[at + 2]);
    if (c < 0x20 || c == 0x7f) return Refusal{400, "path: an encoded control character"};
  }
  if (has_dot_segment(path)) return Refusal{400, "path: a segment of dots"};
  return std::nullopt;
}

bool is_idempotent(std::string_view method) {
  for (const std::string_view known : {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
    if (method == known) return true;
  return false;
}

void split_target(std::string_view target, RequestHead& request) {
  if (target.front() != '/') {  // "http://host/path"; check_head has compared the host
    const auto begin = target.find_first_of("/?", 7);
    target = begin == target.npos ? std::string_view() : target.substr(begin);
  }
  const auto question = std::min(target.find('?'), target.size());
  request.path = question == 0 ? std::string_view("/") : target.substr(0, question);
  request.query = target.substr(question);
}

// The fields that matter here.
std::optional<Refusal> read_fields(RequestHead& request, bool& upgrade_is_websocket) {
  auto rest = request.fields;
  Field field;
  while (next_field(rest, field)) {
    switch (kind_of(field.name)) {
      case Kind::connection:
        if (!request.hop.read(field.value)) {
          return Refusal{400, "Connection is not a short list of names"};
        }
        break;
      case Kind::upgrade:
        upgrade_is_websocket = equal_ignoring_case(field.value, "websocket");
        break;
      case Kind::host:
        request.host = field.value;
        break;
      case Kind::length:
        request.has_length = true;
        break;
      case Kind::user_agent:
        request.user_agent = field.value;
        break;
      case Kind::other:
      case Kind::hop:
      case Kind::theirs:
      case Kind::coding:
      case Kind::expect:
        break;
    }
  }
  return std::nullopt;
}

// Whoever could make a proxy drop these would change what the replica reads.
bool is_for_every_hop(std::string_view name) {
  for (const std::string_view protected_name :
       {"host", "content-length", "transfer-encoding", "expect", "cookie", "authorization",
        "content-type", "content-encoding"})
    if (same(name, protected_name)) return true;
  return false;
}

bool is_token(char c) {
  return c > 0x20 && c < 0x7f &&
         std::string_view("()<>@,;:\\\"/[]?={}").find(c) == std::string_view::npos;
}

}  // namespace

bool HopFields::read(std::string_view value) {
  while (!value.empty()) {
    const auto comma = std::min(value.find(','), value.size());
    const auto name = trim(value.substr(0, comma));
    value.remove_prefix(std::min(comma + 1, value.size()));
    if (name.empty()) continue;
    if (!std::all_of(name.begin(), name.end(), is_token)) return false;
    if (equal_ignoring_case(name, "close")) {
      close = true;
    } else if (equal_ignoring_case(name, "keep-alive")) {
      keep_alive = true;
    } else if (equal_ignoring_case(name, "upgrade")) {
      upgrade = true;
    } else if (nominated_count == nominated_max) {
      return false;
    } else {
      nominated[nominated_count++] = name;
    }
  }
  return true;
}

bool HopFields::names(std::string_view field) const {
  return std::any_of(nominated.begin(), nominated.begin() + nominated_count,
                     [field](auto name) { return equal_ignoring_case(name, field); });
}

std::optional<Refusal> read_request(std::string_view head, RequestHead& request) {
  if (auto refusal = http::check_head(head, request.facts)) return refusal;
  const auto line = head.substr(0, head.find("\r\n"));
  const auto first = line.find(' ');
  request.method = line.substr(0, first);
  split_target(line.substr(first + 1, line.rfind(' ') - first - 1), request);
  request.fields = head.substr(line.size() + 2);
  bool upgrade_is_websocket = false;
  if (auto refusal = read_fields(request, upgrade_is_websocket)) return refusal;
  const auto& hop = request.hop;
  for (std::size_t i = 0; i < hop.nominated_count; ++i) {
    if (is_for_every_hop(hop.nominated[i])) {
      return Refusal{400, "Connection names a header that is not for one hop"};
    }
  }
  if (auto refusal = check_path(request.path)) return refusal;
  if (request.method == "TRACE") return Refusal{405, "TRACE is not passed on"};
  request.keep_alive = request.facts.http11 ? !hop.close : hop.keep_alive && !hop.close;
  request.to_head = request.method == "HEAD";
  request.idempotent = is_idempotent(request.method);
  request.websocket = hop.upgrade && upgrade_is_websocket && request.facts.http11 &&
                      request.method == "GET" && !request.facts.chunked &&
                      request.facts.content_length == 0;
  return std::nullopt;
}

RequestHead read_refused(std::string_view head) {
  RequestHead out;
  const auto end = head.find("\r\n");
  if (end == head.npos) return out;
  const auto line = head.substr(0, end);
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == line.npos || std::count(line.begin(), line.end(), ' ') != 2) return out;
  out.method = line.substr(0, first);
  out.path = line.substr(first + 1, last - first - 1);
  auto rest = head.substr(end + 2);
  for (Field field; next_field(rest, field);) {
    if (!same(field.name, "host")) continue;
    out.host = field.value;
    break;
  }
  return out;
}

void write_request(std::string& out, const RequestHead& request, const RequestChanges& changes) {
  auto path = request.path.substr(changes.prefix.size());
  out.append(request.method).append(1, ' ');
  if (path.empty()) out += '/';
  out.append(path).append(request.query).append(" HTTP/1.1\r\n");
  copy_fields(out, request.fields, [&request](const Field& field) {
    switch (kind_of(field.name)) {
      case Kind::other:
      case Kind::user_agent:
        return request.hop.nominated_count == 0 || !request.hop.names(field.name);
      case Kind::host:
      case Kind::expect:
        return true;
      case Kind::hop:
      case Kind::theirs:
      case Kind::connection:
      case Kind::upgrade:
      case Kind::length:
      case Kind::coding:
        return false;
    }
    CUBE_UNREACHABLE();
  });
  const auto add = std::back_inserter(out);
  if (request.host.empty()) fmt::format_to(add, "Host: {}\r\n", changes.replica);
  if (request.facts.chunked) {
    out += "Transfer-Encoding: chunked\r\n";
  } else if (request.has_length) {
    fmt::format_to(add, "Content-Length: {}\r\n", request.facts.content_length);
  }
  if (request.websocket) out += "Connection: Upgrade\r\nUpgrade: websocket\r\n";
  const bool v6 = changes.client.find(':') != std::string_view::npos;
  out.append("X-Forwarded-For: ").append(changes.client).append("\r\nX-Forwarded-Proto: http\r\n");
  out.append("X-Real-IP: ").append(changes.client).append("\r\n");
  fmt::format_to(add, "X-Forwarded-Port: {}\r\n", changes.port);
  if (!changes.prefix.empty()) {
    out.append("X-Forwarded-Prefix: ").append(changes.prefix).append("\r\n");
  }
  if (!request.host.empty()) {
    out.append("X-Forwarded-Host: ").append(request.host).append("\r\n");
  }
  out.append(v6 ? "Forwarded: for=\"[" : "Forwarded: for=").append(changes.client);
  if (v6) out += "]\"";
  if (!request.host.empty()) out.append(";host=\"").append(request.host).append("\"");
  out += ";proto=http\r\n\r\n";
}

std::optional<Refusal> read_reply_head(std::string_view head, ReplyHead& reply) {
  if (auto refusal = http::check_reply_head(head, reply.facts)) return refusal;
  const auto line = head.substr(0, head.find("\r\n"));
  reply.status_line = line.substr(9);
  reply.fields = head.substr(line.size() + 2);
  auto rest = reply.fields;
  Field field;
  bool upgrade_is_websocket = false;
  while (next_field(rest, field)) {
    const Kind kind = kind_of(field.name);
    if (kind == Kind::connection && !reply.hop.read(field.value)) {
      return Refusal{502, "Connection is not a short list of names"};
    }
    if (kind == Kind::upgrade) upgrade_is_websocket = equal_ignoring_case(field.value, "websocket");
  }
  reply.keep_alive = reply.facts.http11 ? !reply.hop.close : reply.hop.keep_alive;
  reply.websocket = reply.facts.status == 101 && reply.hop.upgrade && upgrade_is_websocket;
  return std::nullopt;
}

void write_reply(std::string& out, const ReplyHead& reply, const ReplyChanges& changes) {
  out.append("HTTP/1.1 ").append(reply.status_line).append("\r\n");
  copy_fields(out, reply.fields, [&](const Field& field) {
    switch (kind_of(field.name)) {
      case Kind::length:
        return !changes.drop_length;
      case Kind::hop:
      case Kind::connection:
      case Kind::upgrade:
      case Kind::coding:
        return false;
      case Kind::other:
      case Kind::theirs:
      case Kind::host:
      case Kind::expect:
      case Kind::user_agent:
        return reply.hop.nominated_count == 0 || !reply.hop.names(field.name);
    }
    CUBE_UNREACHABLE();
  });
  if (changes.chunked) out += "Transfer-Encoding: chunked\r\n";
  if (reply.websocket) out += "Connection: Upgrade\r\nUpgrade: websocket\r\n";
  if (changes.close) out += "Connection: close\r\n";
  if (changes.say_keep_alive) out += "Connection: keep-alive\r\n";
  out += "\r\n";
}

}  // namespace cube::ingress
