#pragma once
// A small JSON Schema checker: just what the OpenAPI document of this project uses.

#include "api/json_value.h"
#include "base/result.h"

namespace cube::api {

// Does `value` fit `schema`? References are looked up in `document`. Known words: $ref, type (one
// or a list), enum, properties, required, additionalProperties, items, anyOf, minimum, maximum,
// format (uuid, date-time); others say nothing. Stricter than the standard in one thing: a member
// that neither properties nor additionalProperties tell of is an error.
Result<void> check_schema(const Value& document, const Value& schema, const Value& value);

}  // namespace cube::api
