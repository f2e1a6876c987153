#pragma once
// What a plain scalar of YAML means, by the core schema of YAML 1.2
// (https://yaml.org/spec/1.2.2/#103-core-schema). Pure.

#include <cstdint>
#include <string>
#include <string_view>

namespace cube::yaml {

struct Scalar {
  enum class Kind : std::uint8_t {
    null,
    boolean,  // text: "true" or "false"
    number,   // text: as JSON writes it
    text,
    beyond,  // a number that JSON cannot hold: .inf, .nan, 0x with more than 64 bits
  };
  Kind kind = Kind::null;
  std::string text;
  friend bool operator==(const Scalar&, const Scalar&) = default;
};

Scalar plain_scalar(std::string_view text);

}  // namespace cube::yaml
