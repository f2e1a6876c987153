#pragma once
// What a refusal of the engine means: its status code and text, classified, and said in words that
// a person can act upon. Pure.

#include <string>
#include <string_view>

#include "base/result.h"
#include "runtime/runtime.h"

namespace cube::runtime {

enum class EngineCall : std::uint8_t {
  list,
  inspect,
  pull,
  create,
  start,
  stop,
  remove,
  exec,
  logs
};
std::string_view name(EngineCall);

// REQUIRES: `status` is not one of the call's good answers. `text` is error_text() of the body;
// `object` names the container or image.
EngineError classify(EngineCall call, int status, std::string_view text, std::string_view object);

// The failure of a pull, from the last line of its stream or its error reply.
EngineError classify_pull(std::string_view text, std::string_view image);

// No answer: refused, hung, cut off.
EngineError unavailable(const Error& error);

// --- API versions
// ---------------------------------------------------------------------------------
inline constexpr int api_minor_min = 40;  // 1.40: Docker 19.03
inline constexpr int api_minor_max = 44;  // 1.44: Docker 25

// "1.41" -> 41; -1 when it is not 1.<number>.
int api_minor(std::string_view version);
// The version to speak with an engine whose range is [engine_min, engine_max] (minor numbers), or
// why there is none.
Result<int> negotiate(int engine_min, int engine_max);

}  // namespace cube::runtime
