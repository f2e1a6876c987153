#pragma once
// From a Value to a struct by a table of fields.
//
// Names match without regard to case; a name that comes twice is an error. What is not in the
// table is refused with the nearest name in a submission, and skipped in a message. A member whose
// value is null counts as absent, as it does for the encoders of old clients.

#include <algorithm>
#include <bitset>
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/json_reader.h"
#include "base/id.h"
#include "base/result.h"
#include "base/text.h"
#include "base/time.h"

namespace cube::api {

// How a document is read: a request of a person strictly (unknown fields refused, read-only fields
// ignored), a message or reply of another Cube leniently (unknown fields skipped).
enum class Reading : unsigned char { submission, message };

// Where in the document a decoder is. Lives on the stack, a link per level; becomes text only when
// there is an error to tell. A child must not outlive its parent or its key.
class At {
 public:
  explicit At(Reading reading) : reading_(reading) {}
  At(const At& parent, std::string_view key)
      : parent_(&parent), key_(key), reading_(parent.reading_) {}
  At(const At& parent, std::size_t index)
      : parent_(&parent), index_(index), is_index_(true), reading_(parent.reading_) {}

  Reading reading() const { return reading_; }
  std::string path() const;  // "Task.Mounts[2].Type", "PortBindings[\"7777/tcp\"]"; empty: the root
  // "Task.Image: <what>"
  Error error(std::string_view what) const;
  // "Task.Cpu: expected a number, got a string"
  Error expected(std::string_view what, const Value& got) const;

 private:
  const At* parent_ = nullptr;
  std::string_view key_;
  std::size_t index_ = 0;
  bool is_index_ = false;
  Reading reading_;
};

// --- Single values. Each gives an error with the path when the kind is wrong. ------------------

Result<void> read(const Value& v, const At& at, std::string& out);
Result<void> read(const Value& v, const At& at, bool& out);
Result<void> read(const Value& v, const At& at, double& out);
Result<void> read(const Value& v, const At& at, Duration& out);  // "10s", or a number of seconds
Result<void> read(const Value& v, const At& at, WallTime& out);  // RFC 3339
Result<void> read(const Value& v, const At& at, Uuid& out);      // empty text is nil
Result<void> read(const Value& v, const At& at, std::vector<std::string>& out);
Result<void> read(const Value& v, const At& at, std::map<std::string, std::string>& out);
Result<void> read_signed(const Value& v, const At& at, std::int64_t min, std::int64_t max,
                         std::int64_t& out);
Result<void> read_unsigned(const Value& v, const At& at, std::uint64_t max, std::uint64_t& out);

template <std::signed_integral I>
Result<void> read(const Value& v, const At& at, I& out) {
  std::int64_t wide = 0;
  CUBE_TRY(read_signed(v, at, std::numeric_limits<I>::min(), std::numeric_limits<I>::max(), wide));
  out = static_cast<I>(wide);
  return {};
}
template <std::unsigned_integral I>
Result<void> read(const Value& v, const At& at, I& out) {
  std::uint64_t wide = 0;
  CUBE_TRY(read_unsigned(v, at, std::numeric_limits<I>::max(), wide));
  out = static_cast<I>(wide);
  return {};
}
template <class Tag>
Result<void> read(const Value& v, const At& at, Id<Tag>& out) {
  return read(v, at, out.uuid);
}

// A list whose elements `element` (Value, At, T&) reads.
template <class T, class Element>
Result<void> read_list(const Value& v, const At& at, std::vector<T>& out, Element element) {
  const Value::List* list = v.list();
  if (list == nullptr) return at.expected("a list", v);
  out.clear();
  out.reserve(list->size());
  for (std::size_t i = 0; i < list->size(); ++i)
    CUBE_TRY(element((*list)[i], At(at, i), out.emplace_back()));
  return {};
}

// One of the words that `from` (text -> optional) knows.
template <class E, class From>
Result<void> read_word(const Value& v, const At& at, E& out, From from) {
  const std::string* word = v.text();
  if (word == nullptr) return at.expected("a string", v);
  auto known = from(*word);
  if (!known) return at.error("unknown word \"" + printable(word->substr(0, 64)) + "\"");
  out = *known;
  return {};
}

// The text of a list of messages, its elements read by `element` (Value, At, T&) one at a time.
template <class T, class Element>
Result<std::vector<T>> parse_list(std::string_view json, Element element) {
  std::vector<T> out;
  At root(Reading::message);
  CUBE_TRY(read_json_list(json, [&](std::size_t index, const Value& v) {
    return element(v, At(root, index), out.emplace_back());
  }));
  return out;
}

// --- Objects ------------------------------------------------------------------------------------

enum class Role : unsigned char {
  plain,
  read_only,  // ignored in a submission, whatever it holds
  required,   // an error when absent
};

template <class T>
struct Field {
  std::string_view name;
  Result<void> (*read)(const Value&, const At&, T&);
  Role role = Role::plain;
  std::string_view alias = {};  // another accepted name
};

// The reader of a plain member: field<&TaskSpec::image>.
template <auto Pointer, class T>
Result<void> field(const Value& v, const At& at, T& out) {
  return read(v, at, out.*Pointer);
}

// A table and the struct it fills, in one pass over the members of an object.
template <class T>
class Part {
 public:
  template <std::size_t N>
  Part(const Field<T> (&fields)[N], T& out) : fields_(fields), out_(out) {
    static_assert(N <= 64);
  }

  // True when the member is in this table; then `result` says how it went.
  bool take(const Member& member, const At& at, Result<void>& result) {
    auto named = [&](std::string_view name) {
      return name.size() == member.key.size() && equal_ignoring_case(name, member.key);
    };
    for (std::size_t tried = 0; tried < fields_.size(); ++tried) {
      const Field<T>& f = fields_[next_];
      std::size_t index = next_;
      next_ = next_ + 1 == fields_.size() ? 0 : next_ + 1;
      if (!named(f.name) && (f.alias.empty() || !named(f.alias))) continue;
      result = read_field(f, index, member.value, At(at, f.name));
      return true;
    }
    return false;
  }
  void names(std::vector<std::string_view>& out) const {
    for (const Field<T>& f : fields_) out.push_back(f.name);
  }
  // After all members were taken.
  Result<void> check_required(const At& at) const {
    for (std::size_t i = 0; i < fields_.size(); ++i) {
      if (fields_[i].role == Role::required && !has_[i])
        return At(at, fields_[i].name).error("is missing");
    }
    return {};
  }

 private:
  Result<void> read_field(const Field<T>& f, std::size_t index, const Value& v, const At& at) {
    if (seen_[index]) return at.error("given twice");
    seen_[index] = true;
    bool ignored = f.role == Role::read_only && at.reading() == Reading::submission;
    if (v.is_null() || ignored) return {};
    has_[index] = true;
    return f.read(v, at, out_);
  }

  std::span<const Field<T>> fields_;
  T& out_;
  std::size_t next_ = 0;        // where the search begins: documents tend to keep the table's order
  std::bitset<64> seen_, has_;  // has: with a value, not null
};

template <class T, std::size_t N>
Part(const Field<T> (&)[N], T&) -> Part<T>;

// "Task.Imge: unknown field; did you mean Image?"
Error unknown_field(const At& at, std::string_view key, std::span<const std::string_view> known);

// Reads an object by one or several tables with distinct names.
template <class... T>
Result<void> decode(const Value& v, const At& at, Part<T>... parts) {
  const Value::Object* members = v.object();
  if (members == nullptr) return at.expected("an object", v);
  for (const Member& member : *members) {
    Result<void> result;
    if ((parts.take(member, at, result) || ...)) {
      CUBE_TRY(std::move(result));
    } else if (at.reading() == Reading::submission) {
      std::vector<std::string_view> known;
      (parts.names(known), ...);
      return unknown_field(at, member.key, known);
    }
  }
  Result<void> result;
  static_cast<void>(((result = parts.check_required(at)).ok() && ...));
  return result;
}

}  // namespace cube::api
