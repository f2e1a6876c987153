#include "base/result.h"

#include <doctest/doctest.h>

namespace cube {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return Error{Code::invalid, std::to_string(n) + " is odd"};
  return n / 2;
}

Result<void> quarter(int n, int& out) {
  auto first = half(n);
  if (!first) return std::move(first).error().in("quarter");
  CUBE_TRY(half(*first));
  out = *half(*first);
  return {};
}

TEST_CASE("a value or an error") {
  int out = 0;
  CHECK(quarter(12, out).ok());
  CHECK(out == 3);
  const auto odd = quarter(5, out);
  REQUIRE(!odd.ok());
  CHECK(odd.error().code == Code::invalid);
  CHECK(odd.error().message == "quarter: 5 is odd");
  CHECK(quarter(6, out).error().message == "3 is odd");
}

TEST_CASE("each code has the status of its table") {
  CHECK(http_status(Code::invalid) == 400);
  CHECK(http_status(Code::not_found) == 404);
  CHECK(http_status(Code::conflict) == 409);
  CHECK(http_status(Code::too_large) == 413);
  CHECK(http_status(Code::unavailable) == 503);
  CHECK(http_status(Code::timeout) == 504);
  CHECK(http_status(Code::no_space) == 507);
  CHECK(http_status(Code::corrupt) == 500);
  CHECK(http_status(Code::internal) == 500);
}

}  // namespace
}  // namespace cube
