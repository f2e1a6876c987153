#pragma once
// `JsonWriter`: appends compact JSON to a string, nothing else: no tree, no second copy.
//
// Commas come by themselves. Text is escaped, and what is not valid UTF-8 in it becomes U+FFFD, so
// that the output is always valid JSON whatever a container or an engine said. The caller sees to
// it that what is opened is closed and that every member has a key and a value.

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace cube::api {

class JsonWriter {
 public:
  void open_object() { start('{'); }
  void close_object() { end('}'); }
  void open_list() { start('['); }
  void close_list() { end(']'); }

  // `name` is one of our own: plain letters that need no escape.
  void key(std::string_view name);
  // `name` came from outside.
  void key_text(std::string_view name);

  void null() { raw("null"); }
  void boolean(bool b) { raw(b ? "true" : "false"); }
  template <std::integral I>
  void integer(I i) {
    if constexpr (std::signed_integral<I>) {
      write_signed(static_cast<std::int64_t>(i));
    } else {
      write_unsigned(static_cast<std::uint64_t>(i));
    }
  }
  void real(double d);  // the shortest digits that read back the same; 0 for NaN and infinity
  void thousandths(std::int64_t n);  // n / 1000, exactly: 1500 is 1.5
  void text(std::string_view s);
  void raw(std::string_view json);  // one value that is JSON already

  // A member in one go.
  void member(std::string_view name, std::string_view value) {
    key(name);
    text(value);
  }
  void member(std::string_view name, const char* value) {
    key(name);
    text(value);
  }
  void member(std::string_view name, bool value) {
    key(name);
    boolean(value);
  }
  template <std::integral I>
  void member(std::string_view name, I value) {
    key(name);
    integer(value);
  }

  const std::string& str() const { return out_; }
  std::string finish() && { return std::move(out_); }

 private:
  void comma() {
    if (comma_) out_.push_back(',');
  }
  void start(char bracket) {
    comma();
    out_.push_back(bracket);
    comma_ = false;
  }
  void end(char bracket) {
    out_.push_back(bracket);
    comma_ = true;
  }
  void write_signed(std::int64_t i);
  void write_unsigned(std::uint64_t u);

  std::string out_;
  bool comma_ = false;  // something stands before in the innermost open list or object
};

// `s` as a JSON string, quotes included, appended to `out`.
void append_json_string(std::string& out, std::string_view s);

}  // namespace cube::api
