#pragma once
// Compact, versioned bytes for stored records: tagged fields, so that a reader of today skips what
// a writer of tomorrow added, and defaults take no room.
//
// A record is: one version byte, then fields, then a CRC-32C of all before it (4 bytes, little
// endian). A field is a varint key `tag * 2 + kind` and a varint (kind 0) or a varint length with
// that many bytes (kind 1). Tags are never renumbered; `docs/store-format.md` lists them.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cube {

class RecordWriter {
 public:
  explicit RecordWriter(std::uint8_t version) { out_.push_back(static_cast<char>(version)); }

  void uint(std::uint32_t tag, std::uint64_t value);   // writes nothing when value == 0
  void sint(std::uint32_t tag, std::int64_t value);    // zigzag; writes nothing when value == 0
  void bytes(std::uint32_t tag, std::string_view v);   // writes nothing when v is empty
  void bytes_always(std::uint32_t tag, std::string_view v);  // for list elements that may be empty
  std::string finish() &&;                             // appends the CRC

 private:
  std::string out_;
};

// Walks the fields of a record. Malformed bytes end in a `corrupt` error, never in undefined
// behaviour; unknown tags are the caller's to skip.
class RecordReader {
 public:
  struct Field {
    std::uint32_t tag = 0;
    bool is_bytes = false;
    std::uint64_t number = 0;
    std::string_view bytes;
    std::int64_t sint() const {
      return static_cast<std::int64_t>(number >> 1) ^ -static_cast<std::int64_t>(number & 1);
    }
  };

  // Checks length, version and CRC. `record` must outlive the reader.
  static Result<RecordReader> open(std::string_view record, std::uint8_t version);
  // The next field; false at the end.
  Result<bool> next(Field& field);

 private:
  explicit RecordReader(std::string_view rest) : rest_(rest) {}
  std::string_view rest_;
};

std::uint32_t crc32c(std::string_view bytes);

}  // namespace cube
