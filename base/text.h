#pragma once
// Small texts: quantities, times and nearest words. All pure, all round-trip tested.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace cube {

// "512MiB", "1GiB", "1.5 GB", "1024", "10k" -> bytes. KiB/MiB/GiB/TiB (and Ki, Mi, Gi, Ti) are
// powers of 1024; kB/MB/GB/TB (and k, m, g, t in either case alone, as docker reads them, which
// are powers of 1024); B or nothing are bytes. Negative, overflowing or other text is an error.
Result<std::int64_t> parse_bytes(std::string_view text);
std::string format_bytes(std::int64_t bytes);  // "512 MiB", "1.5 GiB", "310 MiB", "12 B"

// "10s", "1m30s", "500ms", "2h", or a bare number of seconds. Negative is an error.
Result<Duration> parse_duration(std::string_view text);
std::string format_duration(Duration d);       // "1m30s", "500ms", "0s"; exact, parse gives it back
std::string format_ago(Duration d);            // "2 minutes ago", "Less than a second ago"

// RFC 3339, any offset in, "2026-01-02T03:04:05.123456Z" out; the zero WallTime is
// "0001-01-01T00:00:00Z", and every year up to 0001 reads back as zero.
Result<WallTime> parse_time(std::string_view text);
std::string format_time(WallTime t);

// The candidate nearest to `word` (Damerau-Levenshtein distance at most a third of its length, at
// least 1), without regard to case; empty when none is near.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

bool equal_ignoring_case(std::string_view a, std::string_view b);
bool is_valid_utf8(std::string_view text);
// Control characters and invalid UTF-8 replaced, so that foreign bytes never reach a terminal.
std::string printable(std::string_view text);
// `items` joined by `separator`.
std::string join(std::span<const std::string> items, std::string_view separator);

}  // namespace cube
