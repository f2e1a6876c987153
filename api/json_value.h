#pragma once
// `Value`: one JSON value as it was read, before anyone gives it a meaning.
//
// Numbers keep what was written: integers are exact over the whole of int64 and uint64, and a real
// keeps its digits for messages. Members keep the order of the document. The depth is bounded by
// the reader, so destroying and walking a value may recurse.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace cube::api {

struct Member;

class Value {
 public:
  struct Integer {
    std::uint64_t magnitude = 0;
    bool negative = false;
  };
  struct Real {
    double number = 0;
    std::string text;  // as it was written
  };
  using List = std::vector<Value>;
  using Object = std::vector<Member>;

  Value();  // null
  explicit Value(bool b);
  explicit Value(Integer i);
  explicit Value(Real r);
  explicit Value(std::string s);
  explicit Value(List list);
  explicit Value(Object object);

  bool is_null() const { return std::holds_alternative<std::monostate>(v_); }
  // The alternative, or nullptr when the value is of another kind.
  const bool* boolean() const { return std::get_if<bool>(&v_); }
  const Integer* integer() const { return std::get_if<Integer>(&v_); }
  const Real* real() const { return std::get_if<Real>(&v_); }
  const std::string* text() const { return std::get_if<std::string>(&v_); }
  const List* list() const { return std::get_if<List>(&v_); }
  const Object* object() const { return std::get_if<Object>(&v_); }
  List* list() { return std::get_if<List>(&v_); }
  Object* object() { return std::get_if<Object>(&v_); }

  // The member of that exact name, or nullptr: also when this is no object.
  const Value* find(std::string_view key) const;
  // For messages: "null", "true", "7", "1.5", "a string", "a list", "an object".
  std::string describe() const;

 private:
  std::variant<std::monostate, bool, Integer, Real, std::string, List, Object> v_;
};

struct Member {
  std::string key;
  Value value;
};

// Here, where a Member is complete.
inline Value::Value() = default;
inline Value::Value(bool b) : v_(b) {}
inline Value::Value(Integer i) : v_(i) {}
inline Value::Value(Real r) : v_(std::move(r)) {}
inline Value::Value(std::string s) : v_(std::move(s)) {}
inline Value::Value(List list) : v_(std::move(list)) {}
inline Value::Value(Object object) : v_(std::move(object)) {}

}  // namespace cube::api
