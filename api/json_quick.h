#pragma once
// Internal to the reader (api/json_reader.h): plain JSON, read quickly. What is anything but plain
// (an error, a limit that is reached, letters beyond ASCII, odd numbers and escapes) is left to the
// careful reader, which also finds the words for errors. So the two never disagree.

#include <optional>
#include <string>
#include <string_view>

#include "api/json_reader.h"

namespace cube::api {

// Nothing when the text is not plain: then nobody knows yet whether it is right.
std::optional<Value> read_plain_json(std::string_view text, const ReadLimits& limits);

// What read_json does with what is not plain.
Result<Value> read_json_carefully(std::string_view text, const ReadLimits& limits);

// The first key that appears twice, or nullptr.
const std::string* duplicate_key(const Value::Object& object);

}  // namespace cube::api
