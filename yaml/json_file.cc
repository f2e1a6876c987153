// A file of JSON: checked by the strict reader, then walked once more for the places of its
// members.

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <string>

#include "api/decode.h"
#include "api/json_reader.h"
#include "base/limits.h"
#include "base/text.h"
#include "yaml/document.h"
#include "yaml/paths.h"

namespace cube::yaml {
namespace {

// Walks JSON text of any kind, and gives up where it is none.
class Walk {
 public:
  explicit Walk(std::string_view text) : text_(text) {}

  // Also finds duplicate keys.
  Result<std::vector<Document>> documents() {
    skip_spaces();
    if (peek() == '[') {
      list([this](std::size_t) { item(); });
    } else {
      item();
    }
    if (duplicate_) return *std::move(duplicate_);
    return std::move(documents_);
  }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool goes_on() const { return !gave_up_ && at_ < text_.size(); }
  void step() {
    if (text_[at_] == '\n') {
      ++line_;
      line_begin_ = at_ + 1;
    }
    ++at_;
  }
  void skip_spaces() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != text_.npos) step();
  }
  Place here() const { return {line_, at_ - line_begin_ + 1}; }
  void expect(char c) {
    if (peek() == c && at_ < text_.size()) {
      step();
    } else {
      gave_up_ = true;
    }
  }

  void item() {
    documents_.emplace_back();
    documents_.back().begin = here();
    const std::size_t begin = at_;
    value(api::At(api::Reading::submission), 0);
    documents_.back().json = text_.substr(begin, at_ - begin);
  }

  // Its raw text, without the quotes.
  std::string_view string() {
    expect('"');
    const std::size_t begin = at_;
    while (goes_on() && peek() != '"') {
      if (peek() == '\\') step();
      if (at_ < text_.size()) step();
    }
    const std::string_view raw = text_.substr(begin, at_ - begin);
    expect('"');
    return raw;
  }

  void record(const api::At& at, Place place) {
    std::string path = lower(at.path());
    recorded_bytes_ += path.size();
    if (recorded_bytes_ > resolved_bytes_max) return;  // then an error names a place further out
    documents_.back().places.emplace(std::move(path), place);
  }

  template <class Element>
  void list(Element element) {
    expect('[');
    skip_spaces();
    for (std::size_t i = 0; goes_on() && peek() != ']'; ++i) {
      element(i);
      skip_spaces();
      if (peek() != ']') expect(',');
      skip_spaces();
    }
    expect(']');
  }

  void object(const api::At& at, std::size_t depth) {
    std::map<std::string_view, Place> seen;
    expect('{');
    skip_spaces();
    while (goes_on() && peek() != '}') {
      const Place place = here();
      const std::string_view key = string();
      if (gave_up_) return;
      const auto [first, is_new] = seen.emplace(key, place);
      if (!is_new && !duplicate_) {
        duplicate_ =
            Error{Code::invalid, fmt::format("{}: duplicate key `{}`; first at {}", place.str(),
                                             printable(key.substr(0, 64)), first->second.str())};
      }
      const api::At child(at, key);
      record(child, place);
      skip_spaces();
      expect(':');
      skip_spaces();
      value(child, depth + 1);
      skip_spaces();
      if (peek() != '}') expect(',');
      skip_spaces();
    }
    expect('}');
  }

  void value(const api::At& at, std::size_t depth) {
    if (depth > limits::json_depth_max) gave_up_ = true;
    if (!goes_on()) return;
    if (peek() == '{') return object(at, depth);
    if (peek() == '"') return static_cast<void>(string());
    if (peek() == '[') {
      return list([&](std::size_t i) {
        const api::At child(at, i);
        record(child, here());
        value(child, depth + 1);
      });
    }
    const std::size_t begin = at_;
    while (at_ < text_.size() && std::string_view(",]} \t\r\n{[\":").find(peek()) == text_.npos) {
      step();
    }
    if (at_ == begin) gave_up_ = true;
  }

  std::string_view text_;
  std::size_t at_ = 0, line_ = 1, line_begin_ = 0, recorded_bytes_ = 0;
  bool gave_up_ = false;
  std::vector<Document> documents_;
  std::optional<Error> duplicate_;
};

// "malformed JSON at line 3, column 7: ..." with the place in front.
Error placed(Error error) {
  constexpr std::string_view before = "malformed JSON at line ", between = ", column ";
  std::string_view rest = error.message;
  Place place;
  if (rest.starts_with(before)) {
    rest.remove_prefix(before.size());
    const char* end = rest.data() + rest.size();
    const auto line = std::from_chars(rest.data(), end, place.line);
    rest.remove_prefix(static_cast<std::size_t>(line.ptr - rest.data()));
    if (rest.starts_with(between)) {
      rest.remove_prefix(between.size());
      const auto column = std::from_chars(rest.data(), end, place.column);
      rest.remove_prefix(static_cast<std::size_t>(column.ptr - rest.data()));
      return {error.code, fmt::format("{}: malformed JSON{}", place.str(), rest)};
    }
  }
  return {error.code, fmt::format("1:1: {}", error.message)};
}

}  // namespace

Result<std::vector<Document>> read_json(std::string_view text) {
  if (text.size() > file_bytes_max)
    return Error{Code::invalid, "1:1: larger than " + format_bytes(file_bytes_max)};
  auto documents = Walk(text).documents();
  if (!documents.ok()) return documents;
  const auto checked = api::read_json(text, {.values_max = values_max});
  if (!checked.ok()) return placed(checked.error());
  return documents;
}

}  // namespace cube::yaml
