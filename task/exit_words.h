#pragma once
// How containers end, in words. Pure.

#include <cstdint>
#include <string>
#include <string_view>

#include "task/task.h"

namespace cube {

// "exit code 3"; above 128 the signal that it usually means: "killed by signal 9 (SIGKILL)".
std::string exit_in_words(std::int32_t exit_code);
// "9 (SIGKILL)".
std::string signal_in_words(std::int32_t signal);
// How the container before ended, where a reason tells that besides what comes next ("restart 1 in
// 3 s; last: exit code 3"); else empty.
std::string_view last_end_in(std::string_view reason);
// Why the container before the present one ended, as far as the status tells, whatever the present
// one does by now; empty when it does not tell.
std::string end_in_words(const AttemptStatus& status);

}  // namespace cube
