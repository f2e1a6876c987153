#pragma once
// Strict reading of JSON text (RFC 8259) into a Value.
//
// Refused, with line and column or the path: anything malformed, invalid UTF-8, numbers that no
// double can hold, duplicate keys, and more depth or values than the limits. Work and memory are
// proportional to the text up to the first fault, however it is nested.

#include <cstddef>
#include <functional>
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

// Reads a list and hands over its elements one by one, in order, so that a very long one never
// stands in memory as a whole. Ends with the first error, the text's or the visitor's. A null is an
// empty list, as some old programs write it.
using VisitElement = std::function<Result<void>(std::size_t index, const Value& element)>;
Result<void> read_json_list(std::string_view text, const VisitElement& visit);

}  // namespace cube::api
