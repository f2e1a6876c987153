#pragma once
// HealthCheck on the wire: a path ("/health", the old form), or an object.

#include "api/decode.h"
#include "api/json_writer.h"
#include "task/spec.h"

namespace cube::api {

// "" is none; a text is an HTTP path with every default; else
// {"Type":"http|tcp|command","Path","Port","Command","Interval","Timeout","Retries","StartPeriod"}.
// Without a Type it follows from Path, Command or Port, whichever is there.
Result<void> read_health_check(const Value& v, const At& at, HealthCheck& out);

// The text when that says it all, else the object.
void write_health_check(JsonWriter& w, const HealthCheck& check);

}  // namespace cube::api
