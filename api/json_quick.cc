#include "api/json_quick.h"

#include <algorithm>
#include <charconv>
#include <iterator>

namespace cube::api {
namespace {

constexpr std::size_t sure_digits = 18;  // a whole number of so many fits into 64 bits, signed too

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Within a string: stands for itself, and is ASCII.
bool is_plain(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
}

class PlainReader {
 public:
  PlainReader(std::string_view text, const ReadLimits& limits)
      : at_(text.data()), end_(text.data() + text.size()), limits_(limits) {}

  std::optional<Value> read() {
    Value out;
    skip_space();
    if (!value(out, 0)) return std::nullopt;
    skip_space();
    if (at_ != end_) return std::nullopt;
    return out;
  }

 private:
  // All of these: false when what stands here is not plain.

  bool value(Value& out, std::size_t depth) {
    if (at_ == end_) return false;
    if (++values_ > limits_.values_max && limits_.values_max != 0) return false;
    switch (*at_) {
      case '{':
        return depth < limits_.depth_max && object(out, depth + 1);
      case '[':
        return depth < limits_.depth_max && list(out, depth + 1);
      case '"': {
        std::string s;
        if (!string(s)) return false;
        out = Value(std::move(s));
        return true;
      }
      case 't':
        out = Value(true);
        return word("true");
      case 'f':
        out = Value(false);
        return word("false");
      case 'n':
        return word("null");
      default:
        return number(out);
    }
  }

  bool object(Value& out, std::size_t depth) {
    const std::size_t first = members_.size();
    ++at_;
    skip_space();
    if (take('}')) {
      out = Value(Value::Object{});
      return true;
    }
    do {
      Member m;
      skip_space();
      if (at_ == end_ || *at_ != '"' || !string(m.key)) return false;
      skip_space();
      if (!take(':')) return false;
      skip_space();
      if (!value(m.value, depth)) return false;
      members_.push_back(std::move(m));
      skip_space();
    } while (take(','));
    if (!take('}')) return false;
    Value::Object all = last_of(members_, first);
    if (duplicate_key(all) != nullptr) return false;
    out = Value(std::move(all));
    return true;
  }

  bool list(Value& out, std::size_t depth) {
    const std::size_t first = elements_.size();
    ++at_;
    skip_space();
    if (take(']')) {
      out = Value(Value::List{});
      return true;
    }
    do {
      Value element;
      skip_space();
      if (!value(element, depth)) return false;
      elements_.push_back(std::move(element));
      skip_space();
    } while (take(','));
    if (!take(']')) return false;
    out = Value(last_of(elements_, first));
    return true;
  }

  // Takes what came since `first` off the stack, in an array that is just large enough.
  template <class T>
  static std::vector<T> last_of(std::vector<T>& stack, std::size_t first) {
    const auto from = stack.begin() + static_cast<std::ptrdiff_t>(first);
    std::vector<T> out(std::make_move_iterator(from), std::make_move_iterator(stack.end()));
    stack.erase(from, stack.end());
    return out;
  }

  bool string(std::string& out) {
    ++at_;
    for (;;) {
      const char* plain = at_;
      while (at_ != end_ && is_plain(*at_)) ++at_;
      out.append(plain, at_);
      if (at_ == end_) return false;
      if (take('"')) return true;
      if (!take('\\') || !escape(out)) return false;
    }
  }

  bool escape(std::string& out) {
    if (at_ == end_) return false;
    static constexpr std::string_view names = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
    const auto which = names.find(*at_++);
    if (which == std::string_view::npos) return false;
    out.push_back(meanings[which]);
    return true;
  }

  bool number(Value& out) {
    const char* first = at_;
    const bool negative = take('-');
    const char* digits = at_;
    while (at_ != end_ && is_digit(*at_)) ++at_;
    const auto count = static_cast<std::size_t>(at_ - digits);
    if (count == 0 || count > sure_digits || (*digits == '0' && count > 1)) return false;
    if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) return false;
    if (take('.')) return fraction(first, out);
    std::uint64_t magnitude = 0;
    std::from_chars(digits, at_, magnitude);
    out = Value(Value::Integer{magnitude, negative && magnitude != 0});
    return true;
  }

  bool fraction(const char* first, Value& out) {
    const char* digits = at_;
    while (at_ != end_ && is_digit(*at_)) ++at_;
    if (at_ == digits || (at_ != end_ && (*at_ == 'e' || *at_ == 'E'))) return false;
    double real = 0;
    const auto [end, error] = std::from_chars(first, at_, real);
    if (error != std::errc() || end != at_) return false;
    out = Value(Value::Real{real, std::string(first, at_)});
    return true;
  }

  bool word(std::string_view text) {
    if (!std::string_view(at_, end_).starts_with(text)) return false;
    at_ += text.size();
    return true;
  }

  bool take(char c) {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }

  void skip_space() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }

  const char* at_;
  const char* const end_;
  const ReadLimits limits_;
  std::size_t values_ = 0;
  // What belongs to lists and objects that are still open, the innermost last.
  std::vector<Member> members_;
  std::vector<Value> elements_;
};

}  // namespace

std::optional<Value> read_plain_json(std::string_view text, const ReadLimits& limits) {
  return PlainReader(text, limits).read();
}

const std::string* duplicate_key(const Value::Object& object) {
  constexpr std::size_t few = 8;
  if (object.size() <= few) {
    for (std::size_t i = 1; i < object.size(); ++i)
      for (std::size_t j = 0; j < i; ++j)
        if (object[i].key == object[j].key) return &object[i].key;
    return nullptr;
  }
  std::vector<const std::string*> keys;
  keys.reserve(object.size());
  for (const Member& m : object) keys.push_back(&m.key);
  std::sort(keys.begin(), keys.end(), [](auto* a, auto* b) { return *a < *b; });
  auto twin =
      std::adjacent_find(keys.begin(), keys.end(), [](auto* a, auto* b) { return *a == *b; });
  return twin == keys.end() ? nullptr : *twin;
}

}  // namespace cube::api
