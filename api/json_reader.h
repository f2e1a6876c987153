#pragma once
// Strict reading of JSON text (RFC 8259) into a Value.
//
// Refused, with line and column or the path: anything malformed, invalid UTF-8, numbers that no
// double can hold, duplicate keys, and more depth or values than the limits. Work and memory are
// proportional to the text up to the first fault, however it is nested.

#include <cstddef>
#include <string_view>

#include "api/json_value.h"
#include "base/limits.h"
#include "base/result.h"

namespace cube::api {

struct ReadLimits {
  std::size_t depth_max = limits::json_depth_max;  // lists and objects inside each other
  std::size_t values_max = 0;                      // of any kind, all together; 0: no limit
};

// A value takes some fifty bytes of memory and may take two of text, so what strangers send is
// bounded in count too. A body of the largest size with real tasks in it stays well below.
inline constexpr std::size_t request_values_max = 256 * 1024;

Result<Value> read_json(std::string_view text, const ReadLimits& limits = {});

}  // namespace cube::api
