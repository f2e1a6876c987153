#pragma once
// Assertions that stay on in every build: they find our own bugs. Input from outside never
// reaches one; it is checked and answered.

#include <source_location>
#include <string_view>

namespace cube {

// What to do when one fails, instead of what is below: it must not return. Null: what is below.
// Returns the handler before. For the simulator, which tells the story of that life.
using AssertionHandler = void (*)(std::string_view expression, std::source_location where);
AssertionHandler on_assertion(AssertionHandler handler);

// Prints the expression and its place to standard error and aborts.
[[noreturn]] void assertion_failed(std::string_view expression,
                                   std::source_location where = std::source_location::current());

}  // namespace cube

#define CUBE_ASSERT(expr) \
  (static_cast<bool>(expr) ? static_cast<void>(0) : ::cube::assertion_failed(#expr))
// Behind a switch over every enumerator.
#define CUBE_UNREACHABLE() ::cube::assertion_failed("unreachable")
