#pragma once
// `RateLimit`: so many requests of one client within a span of time. Pure: time is handed in.
//
// A sliding window: what a client had in the window before counts for as much of it as the span
// that ends now still covers, as if it had come evenly. At an even pace that is exact; bursts at
// the worst moments get less than twice as much through. Memory is bounded whatever the number of
// clients.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/time.h"

namespace cube::ingress {

inline constexpr std::size_t rate_clients_max = 65'536;  // of one service; the rest share one count

class RateLimit {
 public:
  // REQUIRES: requests > 0, per > 0
  RateLimit(std::uint32_t requests, Duration per);

  // Nothing: the request may pass, and counts. Else how long to wait; it does not count.
  std::optional<Duration> take(std::string_view client, Instant now);

  std::size_t clients() const { return present_.size() + past_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  using Counts = std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>>;

  void turn(Instant now);  // to the window that `now` is in

  std::uint32_t requests_;
  Duration per_;
  Instant begin_{0};  // of the present window
  Counts present_, past_;
};

// The client of an address: the address itself, of IPv6 its network of 64 bits, for a single
// machine has all of that.
std::string_view rate_client(std::string_view ip);

}  // namespace cube::ingress
