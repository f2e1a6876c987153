#pragma once
// For those who write records: fields of a record (base/bytes.h) taken into typed places.
//
// Every `take` answers whether the field has the right kind and its value fits; the place is only
// written when it does.

#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/bytes.h"
#include "base/id.h"
#include "base/time.h"

namespace cube::record {

using Field = RecordReader::Field;

// The version byte of every record made here.
inline constexpr std::uint8_t version = 1;

inline bool take(const Field& f, std::string& out) {
  if (f.is_bytes) out = f.bytes;
  return f.is_bytes;
}

// Unsigned numbers and bools, checked against the width of their place.
template <class T>
requires std::is_unsigned_v<T>
bool take(const Field& f, T& out) {
  if (f.is_bytes || f.number > std::numeric_limits<T>::max()) return false;
  out = static_cast<T>(f.number);
  return true;
}

template <class T>
requires(std::is_signed_v<T>&& std::is_integral_v<T>) bool take(const Field& f, T& out) {
  const std::int64_t value = f.sint();
  if (f.is_bytes || value < std::numeric_limits<T>::min() || value > std::numeric_limits<T>::max())
    return false;
  out = static_cast<T>(value);
  return true;
}

// An enumerator from 0 to `last`.
template <class Enum>
bool take(const Field& f, Enum& out, Enum last) {
  if (f.is_bytes || f.number > static_cast<std::uint64_t>(last)) return false;
  out = static_cast<Enum>(f.number);
  return true;
}

inline bool take(const Field& f, WallTime& out) {
  return take(f, out.us);
}

inline bool take(const Field& f, Uuid& out) {
  if (!f.is_bytes || f.bytes.size() != out.bytes.size()) return false;
  std::memcpy(out.bytes.data(), f.bytes.data(), out.bytes.size());
  return true;
}

inline std::string_view view(const Uuid& u) {
  return {reinterpret_cast<const char*>(u.bytes.data()), u.bytes.size()};
}

// Hands every field of `bytes` to `take_field(field)`, which answers like `take` (true also for
// tags it does not know). `what` names the record in the error.
template <class TakeField>
Result<void> read(std::string_view bytes, std::string_view what, TakeField take_field) {
  auto reader = RecordReader::open(bytes, version);
  if (!reader) return std::move(reader).error().in(what);
  Field field;
  for (;;) {
    auto more = reader->next(field);
    if (!more) return std::move(more).error().in(what);
    if (!*more) return {};
    if (take_field(field)) continue;
    return Error{Code::corrupt,
                 std::string(what) + ": field " + std::to_string(field.tag) + " makes no sense"};
  }
}

}  // namespace cube::record
