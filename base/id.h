#pragma once
// Identifiers that cannot be mixed up: a task's is not a request's.
//
// The wire form is a UUID (RFC 4122: 8-4-4-4-12 hexadecimal digits, lower case when written,
// either case when read). 16 bytes in memory and on disk.

#include <array>
#include <bit>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace cube {

struct Uuid {
  std::array<std::uint8_t, 16> bytes{};

  bool is_nil() const { return bytes == std::array<std::uint8_t, 16>{}; }
  std::string str() const;
  static std::optional<Uuid> parse(std::string_view text);  // exactly 36 characters, else nullopt
  // A version 4 UUID made of 128 random bits that the caller drew.
  static Uuid from_random(std::uint64_t high, std::uint64_t low);

  friend bool operator==(const Uuid&, const Uuid&) = default;
  // The order of the bytes, as two numbers: trees of a million tasks are searched by it.
  friend std::strong_ordering operator<=>(const Uuid& a, const Uuid& b) {
    const auto first = a.number_at(0) <=> b.number_at(0);
    return first != std::strong_ordering::equal ? first : a.number_at(8) <=> b.number_at(8);
  }

 private:
  std::uint64_t number_at(std::size_t i) const {
    std::uint64_t number = 0;
    std::memcpy(&number, bytes.data() + i, sizeof number);
    return std::endian::native == std::endian::little ? __builtin_bswap64(number) : number;
  }
};

template <class Tag>
struct Id {
  Uuid uuid;

  Id() = default;
  explicit Id(Uuid u) : uuid(u) {}
  bool is_nil() const { return uuid.is_nil(); }
  std::string str() const { return uuid.str(); }
  static std::optional<Id> parse(std::string_view text) {
    auto u = Uuid::parse(text);
    return u ? std::optional<Id>(Id(*u)) : std::nullopt;
  }
  friend auto operator<=>(const Id&, const Id&) = default;
};

using TaskId = Id<struct TaskTag>;
using ServiceId = Id<struct ServiceTag>;
using ManagerId = Id<struct ManagerTag>;  // made once with a manager's store, kept for its life
using WorkerId = Id<struct WorkerTag>;    // made once with a worker's store, kept for its life

}  // namespace cube

template <>
struct std::hash<cube::Uuid> {
  std::size_t operator()(const cube::Uuid& u) const noexcept {
    std::uint64_t h = 0, l = 0;
    std::memcpy(&h, u.bytes.data(), 8);
    std::memcpy(&l, u.bytes.data() + 8, 8);
    return static_cast<std::size_t>(h ^ (l * 0x9e3779b97f4a7c15ULL));
  }
};
template <class Tag>
struct std::hash<cube::Id<Tag>> {
  std::size_t operator()(const cube::Id<Tag>& id) const noexcept {
    return std::hash<cube::Uuid>()(id.uuid);
  }
};
