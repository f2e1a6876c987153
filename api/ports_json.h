#pragma once
// Ports on the wire: "7777/tcp", what it is bound to, and what the engine made of it.
//
// Lists are read sorted and written grouped by container port, so that the order in a document
// means nothing.

#include <vector>

#include "api/decode.h"
#include "api/json_writer.h"
#include "task/task.h"

namespace cube::api {

// ExposedPorts: {"7777/tcp":{}}; also read: ["7777/tcp"]. Written as null when there are none.
void write_exposed_ports(JsonWriter& w, std::vector<Port> ports);
Result<void> read_exposed_ports(const Value& v, const At& at, std::vector<Port>& out);

// PortBindings: {"7777/tcp":"7777"}. The host's side is "8080", "127.0.0.1:8080", "[::1]:8080", a
// comma list of these, and "" or "0" for a port that the engine chooses. Also read: a number, a
// list of such texts, and the engine's own [{"HostIp":"","HostPort":"8080"}]. Always written as a
// text, because old clients expect one; null when there are none.
void write_port_bindings(JsonWriter& w, std::vector<PortBinding> ports);
Result<void> read_port_bindings(const Value& v, const At& at, std::vector<PortBinding>& out);

// HostPorts: {"7777/tcp":[{"HostIp":"0.0.0.0","HostPort":"49155"}]}, or null when there are none.
void write_host_ports(JsonWriter& w, std::vector<HostPort> ports);
Result<void> read_host_ports(const Value& v, const At& at, std::vector<HostPort>& out);

}  // namespace cube::api
