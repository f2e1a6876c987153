// Failed filters in words.

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "scheduler/filters.h"

namespace cube::scheduler {
namespace {

// So many lines are written out; the rest is counted. (A reason may name its node.)
constexpr std::size_t lines_shown_max = 5;

std::string nodes(std::uint32_t count) {
  return fmt::format("{} {}", count, count == 1 ? "node" : "nodes");
}

std::string cores(std::int64_t milli) {
  return fmt::format("{} {}", static_cast<double>(milli) / 1000.0,
                     milli == 1000 ? "core" : "cores");
}

// "needs 512 MiB, 310 MiB free", in bytes when both would read the same.
std::string bytes_needed(std::int64_t needed, std::int64_t free) {
  std::string needed_text = format_bytes(needed);
  std::string free_text = format_bytes(free);
  if (needed_text == free_text) {
    needed_text = fmt::format("{} B", needed);
    free_text = fmt::format("{} B", free);
  }
  return fmt::format("needs {}, {} free", needed_text, free_text);
}

std::string in_brackets(std::string_view what, std::string_view detail) {
  return detail.empty() ? std::string(what) : fmt::format("{} ({})", what, detail);
}

}  // namespace

std::string Explanation::str() const {
  std::string out;
  std::uint32_t nodes_left_out = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i >= lines_shown_max) {
      nodes_left_out += lines[i].nodes;
      continue;
    }
    if (!out.empty()) out += "; ";
    if (lines[i].nodes > 0) out += nodes(lines[i].nodes) + ": ";
    out += lines[i].reason;
  }
  if (nodes_left_out > 0) out += fmt::format("; {}: other reasons", nodes(nodes_left_out));
  if (never) out += "; no node is large enough";
  return out;
}

std::string Reasons::detail(Filter failed, const Candidate& candidate) const {
  switch (failed) {
    case Filter::ready:
      return std::string(candidate.not_ready_reason);
    case Filter::avoided:
      return candidate.avoided->reason;
    case Filter::platform:
      return candidate.facts.platform;
    case Filter::constraints:
      for (const Constraint& constraint : demand_.constraints) {
        if (!meets(candidate.facts, constraint)) return text_of(constraint);
      }
      return {};
    case Filter::cpu:
    case Filter::memory:
    case Filter::disk:
      return {};  // told by the numbers
    case Filter::ports:
      for (const HostPortDemand& port : demand_.ports) {
        if (candidate.machine_ports.contains(port)) {
          return fmt::format("{}/{}", port.port, port.protocol);
        }
      }
      return {};
  }
  CUBE_UNREACHABLE();
}

void Reasons::add(Filter failed, const Candidate& candidate) {
  std::int64_t free = 0;
  if (failed == Filter::cpu) free = candidate.free.cpu_milli;
  if (failed == Filter::memory) free = candidate.free.memory_bytes;
  if (failed == Filter::disk) free = candidate.free.disk_bytes;
  Tally& tally = tallies_[Key{failed, detail(failed, candidate)}];
  ++tally.nodes;
  tally.most_free = std::max(tally.most_free, free);
}

std::string Reasons::words(const Key& key, const Tally& tally) const {
  const Resources& needs = demand_.resources;
  switch (key.filter) {
    case Filter::ready:
      return in_brackets("not ready", key.detail);
    case Filter::avoided:
      return in_brackets("avoided", key.detail);
    case Filter::platform:
      return fmt::format("other platform (needs {}, is {})", demand_.platform,
                         key.detail.empty() ? "unknown" : key.detail);
    case Filter::constraints:
      return fmt::format("does not meet constraint {}", key.detail);
    case Filter::cpu:
      return fmt::format("not enough CPU (needs {}, {} free)", cores(needs.cpu_milli),
                         cores(tally.most_free));
    case Filter::memory:
      return fmt::format("not enough memory ({})",
                         bytes_needed(needs.memory_bytes, tally.most_free));
    case Filter::disk:
      return fmt::format("not enough disk ({})", bytes_needed(needs.disk_bytes, tally.most_free));
    case Filter::ports:
      return fmt::format("host port {} is in use", key.detail);
  }
  CUBE_UNREACHABLE();
}

std::vector<Explanation::Line> Reasons::lines() const {
  std::vector<Explanation::Line> lines;
  lines.reserve(tallies_.size());
  for (const auto& [key, tally] : tallies_) lines.push_back({tally.nodes, words(key, tally)});
  std::ranges::stable_sort(lines, [](const auto& a, const auto& b) { return a.nodes > b.nodes; });
  return lines;
}

}  // namespace cube::scheduler
