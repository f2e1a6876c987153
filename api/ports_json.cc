#include "api/ports_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace cube::api {

namespace {

// One end on the host.
struct HostSide {
  std::string ip;
  std::uint16_t port = 0;
};

std::string port_text(const Port& port) {
  return fmt::format("{}/{}", port.number, port.protocol);
}

Result<Port> container_port(std::string_view text, const At& at) {
  auto port = Port::parse(text);
  if (!port) return at.error(printable(port.error().message));
  return port;
}

Result<std::uint16_t> host_port(std::string_view digits, const At& at) {
  std::uint16_t port = 0;
  if (digits.empty()) return port;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size()) {
    std::string shown = printable(digits.substr(0, 64));
    return at.error(fmt::format("\"{}\" is not a host port (0 to 65535)", shown));
  }
  return port;
}

// "8080", "127.0.0.1:8080", "[::1]:8080", "127.0.0.1:"
Result<HostSide> parse_host_side(std::string_view text, const At& at) {
  HostSide side;
  std::string_view digits = text;
  if (auto colon = text.rfind(':'); colon != text.npos) {
    std::string_view ip = text.substr(0, colon);
    digits = text.substr(colon + 1);
    if (ip.size() >= 2 && ip.front() == '[' && ip.back() == ']') {
      ip = ip.substr(1, ip.size() - 2);
    } else if (ip.find(':') != ip.npos) {
      return at.error("an IPv6 address stands in brackets: \"[::1]:8080\"");
    }
    side.ip = ip;
  }
  auto port = host_port(digits, at);
  if (!port) return std::move(port).error();
  side.port = *port;
  return side;
}

Result<void> add_text(std::string_view text, const At& at, std::vector<HostSide>& out) {
  for (;;) {
    auto comma = text.find(',');
    std::string_view one = text.substr(0, comma);
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    auto side = parse_host_side(one, at);
    if (!side) return std::move(side).error();
    out.push_back(*std::move(side));
    if (comma == text.npos) return {};
    text.remove_prefix(comma + 1);
  }
}

// "8080" or 8080
Result<void> read_host_port(const Value& v, const At& at, HostSide& out) {
  if (const std::string* text = v.text()) {
    auto port = host_port(*text, at);
    if (!port) return std::move(port).error();
    out.port = *port;
    return {};
  }
  if (v.integer() == nullptr) return at.expected("a port as a string", v);
  return read(v, at, out.port);
}

constexpr Field<HostSide> host_side_fields[] = {
    {"HostIp", field<&HostSide::ip>},
    {"HostPort", read_host_port},
};

Result<void> read_host_side(const Value& v, const At& at, std::vector<HostSide>& out) {
  if (const std::string* text = v.text()) return add_text(*text, at, out);
  HostSide side;
  if (v.integer() != nullptr) {
    CUBE_TRY(read(v, at, side.port));
  } else if (v.object() != nullptr) {
    CUBE_TRY(decode(v, at, Part(host_side_fields, side)));
  } else if (!v.is_null()) {
    return at.expected("a host port such as \"8080\" or \"127.0.0.1:8080\"", v);
  }
  out.push_back(std::move(side));
  return {};
}

Result<void> read_host_sides(const Value& v, const At& at, std::vector<HostSide>& out) {
  const Value::List* list = v.list();
  if (list == nullptr) return read_host_side(v, at, out);
  if (list->empty()) return at.error("the list is empty; \"\" lets the engine choose a host port");
  for (std::size_t i = 0; i < list->size(); ++i)
    CUBE_TRY(read_host_side((*list)[i], At(at, i), out));
  return {};
}

// Calls `write_one(first, last)` for each run of the same container port in sorted `ports`.
template <class T, class WriteOne>
void write_grouped(JsonWriter& w, std::vector<T>& ports, WriteOne write_one) {
  if (ports.empty()) return w.null();
  std::sort(ports.begin(), ports.end());
  w.open_object();
  for (auto first = ports.begin(); first != ports.end();) {
    auto last = std::find_if(first, ports.end(),
                             [&](const T& p) { return p.container != first->container; });
    w.key_text(port_text(first->container));
    write_one(first, last);
    first = last;
  }
  w.close_object();
}

std::string host_side_text(const PortBinding& b) {
  if (b.host_ip.empty()) return std::to_string(b.host_port);
  bool v6 = b.host_ip.find(':') != b.host_ip.npos;
  return fmt::format("{}{}{}:{}", v6 ? "[" : "", b.host_ip, v6 ? "]" : "", b.host_port);
}

}  // namespace

void write_exposed_ports(JsonWriter& w, std::vector<Port> ports) {
  if (ports.empty()) return w.null();
  std::sort(ports.begin(), ports.end());
  ports.erase(std::unique(ports.begin(), ports.end()), ports.end());
  w.open_object();
  for (const Port& p : ports) {
    w.key_text(port_text(p));
    w.raw("{}");
  }
  w.close_object();
}

Result<void> read_exposed_ports(const Value& v, const At& at, std::vector<Port>& out) {
  out.clear();
  auto add = [&](std::string_view text, const At& here) -> Result<void> {
    auto port = container_port(text, here);
    if (!port) return std::move(port).error();
    out.push_back(*std::move(port));
    return {};
  };
  if (const Value::Object* members = v.object()) {
    for (const Member& m : *members) {
      At here(at, m.key);
      CUBE_TRY(add(m.key, here));
      bool empty = m.value.is_null() || (m.value.object() && m.value.object()->empty());
      if (!empty) return here.expected("an empty object", m.value);
    }
  } else if (const Value::List* list = v.list()) {
    for (std::size_t i = 0; i < list->size(); ++i) {
      const std::string* text = (*list)[i].text();
      if (text == nullptr) return At(at, i).expected("a port such as \"7777/tcp\"", (*list)[i]);
      CUBE_TRY(add(*text, At(at, i)));
    }
  } else {
    return at.expected("an object such as {\"7777/tcp\":{}}", v);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return {};
}

void write_port_bindings(JsonWriter& w, std::vector<PortBinding> ports) {
  write_grouped(w, ports, [&](auto first, auto last) {
    std::string text = host_side_text(*first);
    for (auto it = first + 1; it != last; ++it) text += "," + host_side_text(*it);
    w.text(text);
  });
}

Result<void> read_port_bindings(const Value& v, const At& at, std::vector<PortBinding>& out) {
  const Value::Object* members = v.object();
  if (members == nullptr) return at.expected("an object such as {\"7777/tcp\":\"7777\"}", v);
  out.clear();
  for (const Member& m : *members) {
    At here(at, m.key);
    auto port = container_port(m.key, here);
    if (!port) return std::move(port).error();
    std::vector<HostSide> sides;
    CUBE_TRY(read_host_sides(m.value, here, sides));
    for (HostSide& side : sides) out.push_back({*port, side.port, std::move(side.ip)});
  }
  std::sort(out.begin(), out.end());
  return {};
}

void write_host_ports(JsonWriter& w, std::vector<HostPort> ports) {
  write_grouped(w, ports, [&](auto first, auto last) {
    w.open_list();
    for (auto it = first; it != last; ++it) {
      w.open_object();
      w.member("HostIp", it->host_ip);
      w.member("HostPort", std::to_string(it->host_port));
      w.close_object();
    }
    w.close_list();
  });
}

Result<void> read_host_ports(const Value& v, const At& at, std::vector<HostPort>& out) {
  const Value::Object* members = v.object();
  if (members == nullptr) return at.expected("an object", v);
  out.clear();
  for (const Member& m : *members) {
    At here(at, m.key);
    if (m.value.is_null()) continue;  // exposed, but bound to nothing
    auto port = container_port(m.key, here);
    if (!port) return std::move(port).error();
    std::vector<HostSide> sides;
    CUBE_TRY(read_list(m.value, here, sides, [](const Value& side, const At& where, HostSide& s) {
      return decode(side, where, Part(host_side_fields, s));
    }));
    for (HostSide& side : sides) out.push_back({*port, std::move(side.ip), side.port});
  }
  std::sort(out.begin(), out.end());
  return {};
}

}  // namespace cube::api
