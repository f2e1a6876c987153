#pragma once
// The parts of a service's spec that other messages hold too.

#include "api/json_writer.h"
#include "service/spec.h"

namespace cube::api {

// The object of "Ingress", every field.
void write_ingress(JsonWriter& w, const service::IngressRules& rules);

}  // namespace cube::api
