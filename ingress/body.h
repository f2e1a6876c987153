#pragma once
// `BodyReader`: where a body ends, and what of it is passed on. Strict: a chunk header, extension
// or trailer that two programs could read differently is an error. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cube::ingress {

class BodyReader {
 public:
  enum class Framing : std::uint8_t { none, length, chunked, until_close };

  BodyReader() = default;
  // `unchunk`: only the data of chunks is passed on, for a reader that knows none.
  BodyReader(Framing framing, std::uint64_t length, bool unchunk = false);

  // Takes from the front of `bytes` what belongs to the body; the rest is of the next message.
  // `pass` is what to pass on: a part of `bytes` when it can be, else put together in `store`.
  // Extensions and trailers are checked and dropped. An error ends the body; it is in words.
  struct Taken {
    std::size_t count = 0;
    std::string_view pass;
    const char* error = nullptr;
  };
  Taken feed(std::string_view bytes, std::string& store);

  bool done() const { return state_ == State::done; }
  bool until_close() const { return framing_ == Framing::until_close; }

 private:
  enum class State : std::uint8_t {
    done,
    data,       // `left_` bytes more; of a chunk or of all
    size,       // the digits of a chunk's size
    extension,  // behind it, up to CR
    size_lf,    // the LF of that line
    data_cr,    // behind a chunk
    data_lf,
    trailer_start,  // at the begin of a line of the trailer
    trailer_name,
    trailer_value,
    trailer_lf,
    last_lf,  // of the empty line
    endless,
  };

  const char* step(char c);
  const char* step_size(char c);
  const char* step_trailer(char c);
  bool passes(State before) const;  // is the byte that led from there to here passed on?

  Framing framing_ = Framing::none;
  State state_ = State::done;
  bool unchunk_ = false;
  bool last_ = false;             // the chunk of size zero
  std::uint8_t digits_ = 0;       // of the size
  std::uint32_t line_bytes_ = 0;  // of an extension, or of the whole trailer
  std::uint64_t left_ = 0;
  std::string name_;  // of the trailer's field
};

}  // namespace cube::ingress
