#include "api/json_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "api/json_quick.h"
#include "base/text.h"

namespace cube::api {

namespace {

constexpr std::size_t shown_bytes_max = 64;

// Foreign text for a message: short and printable.
std::string shown(std::string_view text) {
  std::string out = printable(text.substr(0, shown_bytes_max));
  return text.size() > shown_bytes_max ? out + "..." : out;
}

// "[json.exception.parse_error.101] parse error at line 1, column 3: syntax error while parsing
// value - invalid literal; last read: 'x'" -> "malformed JSON at line 1, column 3: invalid
// literal". What was read last is left out: it may be as long as the whole text.
std::string shorten(std::string_view message) {
  std::string_view where, what = message;
  if (auto at = message.find(" at line "); at != message.npos) {
    where = message.substr(at, message.find(": ", at) - at);
    what = message.substr(std::min(message.size(), at + where.size() + 2));
  }
  if (auto dash = what.find(" - "); dash != what.npos) what.remove_prefix(dash + 3);
  std::string_view expected;
  if (auto last = what.find("; last read: "); last != what.npos) {
    if (auto e = what.rfind("'; expected "); e != what.npos && e > last)
      expected = what.substr(e + 1);
    what = what.substr(0, last);
  }
  return printable(fmt::format("malformed JSON{}: {}{}", where, what, expected));
}

// Builds a Value from the parser's events; stops at the first thing that is not allowed. Open
// lists and objects are kept on a stack of their own and moved into their parents when they close.
class Builder {
 public:
  // `visit`, when there is one, gets the elements of the outermost list instead of the Value.
  explicit Builder(const ReadLimits& limits, const VisitElement* visit = nullptr)
      : limits_(limits), visit_(visit) {}

  bool null() { return add(Value()); }
  bool boolean(bool b) { return add(Value(b)); }
  bool number_integer(std::int64_t i) {
    bool negative = i < 0;
    auto magnitude = static_cast<std::uint64_t>(i);
    return add(Value(Value::Integer{negative ? 0 - magnitude : magnitude, negative}));
  }
  bool number_unsigned(std::uint64_t u) { return add(Value(Value::Integer{u, false})); }
  bool number_float(double d, const std::string& text) { return add(Value(Value::Real{d, text})); }
  bool string(std::string& s) { return add(Value(std::move(s))); }
  bool binary(nlohmann::json::binary_t&) { return false; }  // never in text

  bool start_object(std::size_t) { return open(Value(Value::Object{})); }
  bool start_array(std::size_t) { return open(Value(Value::List{})); }
  bool key(std::string& k) {
    open_.back().key = std::move(k);
    return true;
  }
  bool end_object() {
    if (const std::string* twin = duplicate_key(*open_.back().value.object()))
      return fail(Code::invalid,
                  fmt::format("{}duplicate key \"{}\"", path(open_.size() - 1), shown(*twin)));
    return close();
  }
  bool end_array() { return close(); }
  bool parse_error(std::size_t, const std::string& token, const nlohmann::detail::exception& e) {
    constexpr int out_of_range = 406;
    if (e.id != out_of_range) return fail(Code::invalid, shorten(e.what()));
    return fail(Code::invalid,
                fmt::format("{}number out of range: {}", path(open_.size()), shown(token)));
  }

  Result<Value> finish(bool complete) && {
    if (error_) return *std::move(error_);
    if (!complete) return Error{Code::invalid, "malformed JSON"};
    return std::move(root_);
  }

 private:
  struct Open {
    Value value;
    std::string key;  // of the member that is being read
  };

  bool fail(Code code, std::string message) {
    if (!error_) error_ = Error{code, std::move(message)};
    return false;
  }

  bool count() {
    if (limits_.values_max == 0 || ++values_ <= limits_.values_max) return true;
    return fail(Code::too_large, fmt::format("JSON with more than {} values", limits_.values_max));
  }

  bool add(Value value) { return count() && place(std::move(value)); }

  bool open(Value empty) {
    if (!count()) return false;
    if (open_.size() >= limits_.depth_max)
      return fail(Code::invalid, fmt::format("JSON nested deeper than {}", limits_.depth_max));
    open_.push_back({std::move(empty), {}});
    return true;
  }

  bool close() {
    Value done = std::move(open_.back().value);
    open_.pop_back();
    return place(std::move(done));
  }

  bool place(Value value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (Value::List* list = open_.back().value.list()) {
      if (visit_ != nullptr && open_.size() == 1) return visit(value);
      list->push_back(std::move(value));
    } else {
      open_.back().value.object()->push_back({std::move(open_.back().key), std::move(value)});
    }
    return true;
  }

  bool visit(const Value& element) {
    auto visited = (*visit_)(visited_++, element);
    return visited || fail(visited.error().code, visited.error().message);
  }

  // The way through the `levels` outermost open values, with ": " behind it; empty at the root.
  std::string path(std::size_t levels) const {
    std::string out;
    for (std::size_t i = 0; i < levels; ++i) {
      if (const Value::List* list = open_[i].value.list()) {
        out += fmt::format("[{}]", i == 0 && visit_ != nullptr ? visited_ : list->size());
      } else {
        out += (out.empty() ? "" : ".") + shown(open_[i].key);
      }
    }
    return out.empty() ? out : out + ": ";
  }

  ReadLimits limits_;
  const VisitElement* visit_;
  std::size_t values_ = 0, visited_ = 0;
  std::vector<Open> open_;
  Value root_;
  std::optional<Error> error_;
};

}  // namespace

Result<Value> read_json(std::string_view text, const ReadLimits& limits) {
  if (auto plain = read_plain_json(text, limits)) return *std::move(plain);
  return read_json_carefully(text, limits);
}

Result<Value> read_json_carefully(std::string_view text, const ReadLimits& limits) {
  Builder builder(limits);
  bool complete = nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
  return std::move(builder).finish(complete);
}

Result<void> read_json_list(std::string_view text, const VisitElement& visit) {
  Builder builder({}, &visit);
  bool complete = nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
  auto root = std::move(builder).finish(complete);
  if (!root) return std::move(root).error();
  if (root->list() == nullptr && !root->is_null())
    return Error{Code::invalid, "expected a list, got " + root->describe()};
  return {};
}

const Value* Value::find(std::string_view key) const {
  const Object* members = object();
  if (members == nullptr) return nullptr;
  auto it =
      std::find_if(members->begin(), members->end(), [&](const Member& m) { return m.key == key; });
  return it == members->end() ? nullptr : &it->value;
}

std::string Value::describe() const {
  if (is_null()) return "null";
  if (const bool* b = boolean()) return *b ? "true" : "false";
  if (const Integer* i = integer())
    return fmt::format("{}{}", i->negative ? "-" : "", i->magnitude);
  if (const Real* r = real()) return shown(r->text);
  if (text() != nullptr) return "a string";
  if (list() != nullptr) return "a list";
  return "an object";
}

}  // namespace cube::api
