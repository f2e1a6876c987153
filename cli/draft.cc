#include "cli/draft.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "base/text.h"

namespace cube::cli {
namespace {

Error wrong(std::string_view flag, std::string_view text, std::string_view allowed) {
  return {Code::invalid, fmt::format("--{}: `{}` is not {}", flag, printable(text), allowed)};
}

template <class Number>
std::optional<Number> whole(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::string Draft::text(std::string_view flag, std::string_view fallback) const {
  const auto found = texts.find(flag);
  return found == texts.end() ? std::string(fallback) : found->second;
}

const std::vector<std::string>& Draft::list(std::string_view flag) const {
  static const std::vector<std::string> none;
  const auto found = lists.find(flag);
  return found == lists.end() ? none : found->second;
}

Result<std::uint16_t> port_of(std::string_view flag, std::string_view text) {
  if (const auto port = whole<std::uint16_t>(text)) return *port;
  return wrong(flag, text, "a port from 0 to 65535");
}

Result<std::uint64_t> count_of(std::string_view flag, std::string_view text) {
  if (const auto count = whole<std::uint64_t>(text)) return *count;
  return wrong(flag, text, "a whole number");
}

Result<Duration> duration_of(std::string_view flag, std::string_view text) {
  const auto duration = parse_duration(text);
  if (duration.ok()) return *duration;
  return wrong(flag, text, "a duration such as 30s, 1m30s or 500ms");
}

Result<std::int64_t> bytes_of(std::string_view flag, std::string_view text) {
  const auto bytes = parse_bytes(text);
  if (bytes.ok()) return *bytes;
  return wrong(flag, text, "a size such as 512MiB or 4GiB");
}

Result<std::int64_t> cpu_milli_of(std::string_view flag, std::string_view text) {
  double cores = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), cores, std::chars_format::fixed);
  const double most = static_cast<double>(limits::task_cpu_milli_max) / 1000;
  if (error != std::errc() || end != text.data() + text.size() || !(cores > 0) || cores > most)
    return wrong(flag, text, "a number of cores such as 0.5 or 2");
  return std::llround(cores * 1000);
}

Result<Address> address_of(std::string_view flag, std::string_view text,
                           std::uint16_t default_port) {
  std::string_view rest = text;
  if (rest.starts_with("http://")) rest.remove_prefix(7);
  if (rest.ends_with('/')) rest.remove_suffix(1);
  const Error error = wrong(flag, text, "an address such as localhost:5555");
  Address address{"", default_port};
  if (rest.starts_with('[')) {  // [::1]:5555
    const std::size_t close = rest.find(']');
    if (close == std::string_view::npos) return error;
    address.host = rest.substr(1, close - 1);
    rest.remove_prefix(close + 1);
  } else {
    address.host = rest.substr(0, rest.find(':'));
    rest.remove_prefix(address.host.size());
  }
  if (!rest.empty()) {
    const auto port = rest.starts_with(':') ? whole<std::uint16_t>(rest.substr(1)) : std::nullopt;
    if (!port || *port == 0) return error;
    address.port = *port;
  }
  const bool odd = address.host.find_first_of("/@ ?#%=\\[]") != std::string::npos;
  if (address.host.empty() || odd || printable(address.host) != address.host) return error;
  return address;
}

std::string Address::str() const {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                             : fmt::format("[{}]:{}", host, port);
}

}  // namespace cube::cli
