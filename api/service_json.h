#pragma once
// The parts of a service's spec that other messages hold too.

#include "api/decode.h"
#include "api/json_writer.h"
#include "service/spec.h"

namespace cube::api {

// The object of "Ingress", every field.
void write_ingress(JsonWriter& w, const service::IngressRules& rules);
Result<void> read_ingress(const Value& v, const At& at, service::IngressRules& out);

}  // namespace cube::api
