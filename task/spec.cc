#include "task/spec.h"

#include "base/assert.h"
#include "base/text.h"

namespace cube {

std::string Port::str() const {
  return std::to_string(number) + "/" + protocol;
}

Result<Port> Port::parse(std::string_view text) {
  const Error wrong{Code::invalid,
                    "\"" + printable(text.substr(0, 64)) +
                        "\" is not a port such as \"7777\", \"7777/tcp\" or \"53/udp\""};
  const std::size_t slash = text.find('/');
  const std::string_view digits = text.substr(0, slash);
  if (digits.empty() || digits.size() > 5) return wrong;
  std::uint32_t number = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return wrong;
    number = number * 10 + static_cast<std::uint32_t>(c - '0');
  }
  if (number == 0 || number > UINT16_MAX) return wrong;
  Port port;
  port.number = static_cast<std::uint16_t>(number);
  if (slash == std::string_view::npos) return port;
  port.protocol = text.substr(slash + 1);
  if (port.protocol != "tcp" && port.protocol != "udp" && port.protocol != "sctp") return wrong;
  return port;
}

std::string_view RestartPolicy::name() const {
  switch (kind) {
    case Kind::unset:
      return "";
    case Kind::no:
      return "no";
    case Kind::always:
      return "always";
    case Kind::unless_stopped:
      return "unless-stopped";
    case Kind::on_failure:
      return "on-failure";
  }
  CUBE_UNREACHABLE();
}

std::optional<std::uint32_t> RestartPolicy::max_in_a_row() const {
  switch (kind) {
    case Kind::unset:
      return limits::restart_default_max;
    case Kind::no:
      return 0;
    case Kind::always:
    case Kind::unless_stopped:
      return std::nullopt;
    case Kind::on_failure:
      return max == 0 ? std::nullopt : std::optional(max);
  }
  CUBE_UNREACHABLE();
}

bool RestartPolicy::restarts_after(bool succeeded) const {
  switch (kind) {
    case Kind::no:
      return false;
    case Kind::unset:
    case Kind::on_failure:
      return !succeeded;
    case Kind::always:
    case Kind::unless_stopped:
      return true;
  }
  CUBE_UNREACHABLE();
}

}  // namespace cube
