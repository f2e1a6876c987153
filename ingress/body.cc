#include "ingress/body.h"

#include <algorithm>

#include "base/limits.h"
#include "base/text.h"

namespace cube::ingress {

namespace {

constexpr std::uint8_t digits_max = 15;  // less than 2^60 bytes: no sum of them overflows
constexpr std::uint32_t extension_bytes_max = 4096;

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

bool is_name(char c) {
  return c > 0x20 && c < 0x7f &&
         std::string_view("()<>@,;:\\\"/[]?={}").find(c) == std::string_view::npos;
}

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool is_framing(std::string_view name) {
  for (const std::string_view framing : {"content-length", "transfer-encoding", "host", "trailer"})
    if (equal_ignoring_case(name, framing)) return true;
  return false;
}

// Gathers what is passed on: a view while it is one run, else a copy.
class Passed {
 public:
  explicit Passed(std::string& store) : store_(store) {}
  void add(const char* begin, const char* end) {
    if (begin == end) return;
    if (!copied_ && (run_.empty() || run_.data() + run_.size() == begin)) {
      const char* from = run_.empty() ? begin : run_.data();
      run_ = {from, static_cast<std::size_t>(end - from)};
      return;
    }
    if (!copied_) store_.assign(run_);
    copied_ = true;
    store_.append(begin, end);
  }
  std::string_view view() const { return copied_ ? std::string_view(store_) : run_; }

 private:
  std::string& store_;
  std::string_view run_;
  bool copied_ = false;
};

}  // namespace

BodyReader::BodyReader(Framing framing, std::uint64_t length, bool unchunk)
    : framing_(framing), unchunk_(unchunk) {
  switch (framing) {
    case Framing::none:
      break;
    case Framing::length:
      left_ = length;
      state_ = length > 0 ? State::data : State::done;
      break;
    case Framing::chunked:
      state_ = State::size;
      break;
    case Framing::until_close:
      state_ = State::endless;
      break;
  }
}

BodyReader::Taken BodyReader::feed(std::string_view bytes, std::string& store) {
  if (state_ == State::endless) return {bytes.size(), bytes, nullptr};
  Passed passed(store);
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  const auto count = [&] { return static_cast<std::size_t>(at - bytes.data()); };
  while (at != end && state_ != State::done) {
    if (state_ == State::data) {
      const auto n = std::min(left_, static_cast<std::uint64_t>(end - at));
      passed.add(at, at + n);
      at += n;
      left_ -= n;
      if (left_ == 0) state_ = framing_ == Framing::chunked ? State::data_cr : State::done;
      continue;
    }
    const State before = state_;
    if (const char* error = step(*at)) return {count(), passed.view(), error};
    if (passes(before)) passed.add(at, at + 1);
    ++at;
  }
  return {count(), passed.view(), nullptr};
}

// Of a chunk's header what is no extension, of the trailer the empty line.
bool BodyReader::passes(State before) const {
  if (unchunk_) return false;
  switch (state_) {  // that the byte has led to
    case State::extension:
    case State::trailer_name:
    case State::trailer_value:
    case State::trailer_lf:
      return false;
    case State::trailer_start:
      return before == State::size_lf;
    case State::done:
    case State::data:
    case State::size:
    case State::size_lf:
    case State::data_cr:
    case State::data_lf:
    case State::last_lf:
    case State::endless:
      return true;
  }
  return true;
}

const char* BodyReader::step(char c) {
  switch (state_) {
    case State::size:
      return step_size(c);
    case State::extension:
      if (c == '\r') {
        state_ = State::size_lf;
        return nullptr;
      }
      if (is_control(c) && c != '\t') return "a control character in a chunk's extension";
      return ++line_bytes_ > extension_bytes_max ? "a chunk's extension is too long" : nullptr;
    case State::size_lf:
      if (c != '\n') return "a chunk's header does not end in CRLF";
      state_ = last_ ? State::trailer_start : State::data;
      line_bytes_ = 0;
      digits_ = 0;
      return nullptr;
    case State::data_cr:
      state_ = State::data_lf;
      return c == '\r' ? nullptr : "a chunk is longer than it says";
    case State::data_lf:
      state_ = State::size;
      return c == '\n' ? nullptr : "a chunk does not end in CRLF";
    case State::trailer_start:
    case State::trailer_name:
    case State::trailer_value:
    case State::trailer_lf:
    case State::last_lf:
      return step_trailer(c);
    case State::done:
    case State::data:
    case State::endless:
      break;
  }
  return nullptr;
}

const char* BodyReader::step_size(char c) {
  if (const int digit = hex(c); digit >= 0) {
    if (++digits_ > digits_max) return "a chunk's size is too large";
    left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
    return nullptr;
  }
  if (digits_ == 0) return "a chunk does not begin with its size";
  last_ = left_ == 0;
  if (c == ';') {
    state_ = State::extension;
  } else if (c == '\r') {
    state_ = State::size_lf;
  } else {
    return "a wrong character behind a chunk's size";
  }
  return nullptr;
}

const char* BodyReader::step_trailer(char c) {
  if (++line_bytes_ > limits::http_header_bytes_max) return "the trailer is too long";
  switch (state_) {
    case State::trailer_start:
      if (c == '\r') {
        state_ = State::last_lf;
        return nullptr;
      }
      if (!is_name(c)) return "a trailer line begins with a wrong character";
      name_.assign(1, c);
      state_ = State::trailer_name;
      return nullptr;
    case State::trailer_name:
      if (c == ':') {
        state_ = State::trailer_value;
        return is_framing(name_) ? "the trailer holds a field of framing" : nullptr;
      }
      name_ += c;
      return is_name(c) ? nullptr : "a trailer line has no colon, or a wrong name";
    case State::trailer_value:
      if (c == '\r') {
        state_ = State::trailer_lf;
        return nullptr;
      }
      return is_control(c) && c != '\t' ? "a control character in the trailer" : nullptr;
    case State::trailer_lf:
      state_ = State::trailer_start;
      return c == '\n' ? nullptr : "a trailer line does not end in CRLF";
    case State::last_lf:
      if (c != '\n') return "the trailer does not end in CRLF";
      state_ = State::done;
      return nullptr;
    case State::done:
    case State::data:
    case State::size:
    case State::extension:
    case State::size_lf:
    case State::data_cr:
    case State::data_lf:
    case State::endless:
      break;
  }
  return nullptr;
}

}  // namespace cube::ingress
