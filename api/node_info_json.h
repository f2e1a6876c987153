#pragma once
// The fields of a NodeInfo on the wire, shared by reports and nodes.

#include "api/decode.h"
#include "api/json_writer.h"
#include "task/node.h"

namespace cube::api {

// Writes the members of `info` but its name and resources into the object that is open.
void write_node_facts(JsonWriter& w, const NodeInfo& info);
// The same with name and resources, as a report has them.
void write_node_info(JsonWriter& w, const NodeInfo& info);

// The table that reads what either wrote.
Part<NodeInfo> node_info_part(NodeInfo& out);

}  // namespace cube::api
