#include "yaml/document.h"

#include <fmt/format.h>

#include <algorithm>

#include "yaml/paths.h"

namespace cube::yaml {
namespace {

// Is `path` the one that the message begins with, or one that leads there?
bool leads_to(std::string_view path, std::string_view message) {
  if (!message.starts_with(path) || message.size() == path.size()) return false;
  const char next = message[path.size()];
  return next == ':' || next == '.' || next == '[';
}

}  // namespace

std::string Place::str() const {
  return fmt::format("{}:{}", line, column);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

Error located(Error error, const Document& document) {
  const std::string message = lower(error.message);
  auto best = document.places.end();
  for (auto it = document.places.begin(); it != document.places.end(); ++it) {
    if (!leads_to(it->first, message)) continue;
    if (best == document.places.end() || it->first.size() >= best->first.size()) best = it;
  }
  if (best == document.places.end())
    return {error.code, fmt::format("{}: {}", document.begin.str(), error.message)};
  Error out{error.code, fmt::format("{}: {}", best->second.str(), error.message)};
  const auto first = document.places.lower_bound(best->first);
  if (error.message.ends_with(": given twice") && first != best)
    out.message += "; first at " + first->second.str();
  return out;
}

}  // namespace cube::yaml
