#pragma once
// Stats on the wire: /proc's own snake_case names and units inside (contract).

#include <optional>

#include "api/decode.h"
#include "api/json_writer.h"
#include "task/node.h"

namespace cube::api {

// {"MemStats":{},"DiskStats":{},"CpuStats":{},"LoadStats":{},"TaskCount":0}; never a null in it.
void write_stats(JsonWriter& w, const HostStats& stats, std::uint32_t task_count);
Result<void> read_stats(const Value& v, const At& at, HostStats& stats);

}  // namespace cube::api
