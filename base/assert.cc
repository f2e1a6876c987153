#include "base/assert.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace cube {
namespace {

AssertionHandler the_handler = nullptr;

}  // namespace

AssertionHandler on_assertion(AssertionHandler handler) {
  return std::exchange(the_handler, handler);
}

void assertion_failed(std::string_view expression, std::source_location where) {
  if (the_handler != nullptr) the_handler(expression, where);
  // stderr is written with stdio, without allocating: the heap may be what is broken.
  std::fprintf(stderr, "%s:%u: %s: assertion failed: %.*s\n", where.file_name(),
               static_cast<unsigned>(where.line()), where.function_name(),
               static_cast<int>(expression.size()), expression.data());
  std::fflush(stderr);
  std::abort();
}

}  // namespace cube
