#pragma once
// Faults planted on purpose, so that the simulator's checkers are checked themselves
// (tests/sim/planted_test.cc). In every build that is used `CUBE_PLANTED(...)` is the constant
// false; only the library that the test links is compiled with CUBE_PLANT.

#ifdef CUBE_PLANT
#include <string_view>

namespace cube {
inline std::string_view planted_fault;  // the one that is active; empty: none
}  // namespace cube

#define CUBE_PLANTED(name) (::cube::planted_fault == (name))
#else
#define CUBE_PLANTED(name) false
#endif
