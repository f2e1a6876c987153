#pragma once
// `Result<T>`: a value, or an Error that says what went wrong with what.
//
// Fallible functions return it; exceptions stop at the seam of the library that threw them. A
// message names the operation, the object and, where there is one, the remedy; it has no final
// full stop and no newline, so that it can be put into a sentence.

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "base/assert.h"

namespace cube {

enum class Code {
  invalid,        // the input is wrong; retrying the same is pointless       HTTP 400
  not_found,      // no such object                                           HTTP 404
  conflict,       // exists otherwise, ambiguous, in use, or an older sender  HTTP 409
  stale,          // another version than the caller's is the present one     HTTP 412
  too_large,      // a limit on size or count was passed                      HTTP 413
  unavailable,    // the other side is away, hung or refused; retry later     HTTP 503
  timeout,        // no answer within the deadline; the effect is unknown     HTTP 504
  no_space,       // disk or map full: reads and deletes still work           HTTP 507
  corrupt,        // stored bytes are not what was written, or of another version
  internal,       // our own bug, or a failure nobody planned for             HTTP 500
};

struct [[nodiscard]] Error {
  Code code = Code::internal;
  std::string message;

  // The same error with the operation in front: `error.in("open store /x")`.
  Error in(std::string_view operation) && {
    message = std::string(operation) + ": " + message;
    return std::move(*this);
  }
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : v_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit by design
  Result(Error error) : v_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  bool ok() const { return v_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // REQUIRES: ok()
  T& value() & { CUBE_ASSERT(ok()); return std::get<0>(v_); }
  const T& value() const& { CUBE_ASSERT(ok()); return std::get<0>(v_); }
  T&& value() && { CUBE_ASSERT(ok()); return std::get<0>(std::move(v_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  // REQUIRES: !ok()
  const Error& error() const& { CUBE_ASSERT(!ok()); return std::get<1>(v_); }
  Error&& error() && { CUBE_ASSERT(!ok()); return std::get<1>(std::move(v_)); }

 private:
  std::variant<T, Error> v_;
};

// Success without a value.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit by design

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  const Error& error() const& { CUBE_ASSERT(!ok()); return *error_; }
  Error&& error() && { CUBE_ASSERT(!ok()); return std::move(*error_); }

 private:
  std::optional<Error> error_;
};

// The HTTP status that says the same as `code` (the table above).
int http_status(Code code);

}  // namespace cube

// Returns the error of `expr` from the calling function; goes on otherwise.
#define CUBE_TRY(expr)                                            \
  do {                                                            \
    if (auto cube_try_ = (expr); !cube_try_.ok())                 \
      return std::move(cube_try_).error();                        \
  } while (false)
