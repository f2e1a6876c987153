#include <charconv>

#include "http/client.h"

namespace cube::http {

namespace {

bool is_unreserved(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Error bad_endpoint(std::string_view text, std::string_view why) {
  return {Code::invalid, "address '" + std::string(text) + "': " + std::string(why)};
}

Result<std::uint16_t> parse_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0 || port > 65535) {
    return Error{Code::invalid, "the port must be a number from 1 to 65535"};
  }
  return static_cast<std::uint16_t>(port);
}

}  // namespace

Result<Endpoint> Endpoint::parse(std::string_view text, std::uint16_t default_port) {
  Endpoint out;
  if (text.starts_with("unix://")) {
    out.unix_path = text.substr(7);
    if (!out.unix_path.starts_with('/')) return bad_endpoint(text, "a socket's path is absolute");
    return out;
  }
  std::string_view rest = text;
  if (text.starts_with("http://")) rest.remove_prefix(7);
  if (text.starts_with("tcp://")) rest.remove_prefix(6);
  if (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.find_first_of("/@? \t\r\n") != rest.npos) {
    return bad_endpoint(text, "give host:port or unix:///path");
  }
  std::string_view port;
  if (rest.starts_with('[')) {  // [::1]:80
    const auto bracket = rest.find(']');
    if (bracket == rest.npos) return bad_endpoint(text, "']' is missing");
    out.host = rest.substr(1, bracket - 1);
    port = rest.substr(bracket + 1);
    if (!port.empty() && port.front() != ':') return bad_endpoint(text, "':' is missing after ']'");
  } else {
    const auto colon = std::min(rest.find(':'), rest.size());
    out.host = rest.substr(0, colon);
    port = rest.substr(colon);
    if (port.find(':', 1) != port.npos) {
      return bad_endpoint(text, "write an IPv6 address in brackets, as [::1]:80");
    }
  }
  if (out.host.empty()) return bad_endpoint(text, "the host is missing");
  if (out.host.find_first_of("[]") != out.host.npos) {
    return bad_endpoint(text, "a bracket within the host");
  }
  if (port.empty()) {
    if (default_port == 0) return bad_endpoint(text, "the port is missing");
    out.port = default_port;
    return out;
  }
  auto number = parse_port(port.substr(1));
  if (!number) return bad_endpoint(text, number.error().message);
  out.port = *number;
  return out;
}

std::string Endpoint::str() const {
  if (!unix_path.empty()) return "unix://" + unix_path;
  const bool v6 = host.find(':') != host.npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::string url_encode(std::string_view text) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (is_unreserved(c)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

Result<std::string> url_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += plus_is_space && text[i] == '+' ? ' ' : text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_value(text[i + 2]) : -1;
    if (low < 0) return Error{Code::invalid, "'%' without two hexadecimal digits"};
    if (high == 0 && low == 0) return Error{Code::invalid, "an encoded NUL"};
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

}  // namespace cube::http
