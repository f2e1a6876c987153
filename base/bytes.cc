#include "base/bytes.h"

#include <array>

namespace cube {
namespace {

constexpr std::size_t crc_bytes = 4;
constexpr std::size_t varint_bytes_max = 10;

// Eight tables for CRC-32C (Castagnoli, reflected 0x82f63b78), so that eight bytes go in at once.
constexpr auto crc_tables = [] {
  std::array<std::array<std::uint32_t, 256>, 8> tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? 0x82f63b78U : 0U);
    tables[0][i] = crc;
  }
  for (std::size_t t = 1; t < 8; ++t) {
    for (std::size_t i = 0; i < 256; ++i) {
      const std::uint32_t before = tables[t - 1][i];
      tables[t][i] = (before >> 8) ^ tables[0][before & 0xff];
    }
  }
  return tables;
}();

std::uint32_t byte_at(std::string_view bytes, std::size_t i) {
  return static_cast<unsigned char>(bytes[i]);
}

std::uint32_t load_le32(std::string_view bytes, std::size_t at) {
  return byte_at(bytes, at) | byte_at(bytes, at + 1) << 8 | byte_at(bytes, at + 2) << 16 |
         byte_at(bytes, at + 3) << 24;
}

void put_varint(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

// Takes a varint off the front of `rest`; false when it is cut short or longer than 64 bits.
bool take_varint(std::string_view& rest, std::uint64_t& value) {
  value = 0;
  for (std::size_t i = 0; i < rest.size() && i < varint_bytes_max; ++i) {
    const std::uint64_t byte = byte_at(rest, i);
    if (i + 1 == varint_bytes_max && byte > 1) return false;  // the tenth byte holds one bit
    value |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      rest.remove_prefix(i + 1);
      return true;
    }
  }
  return false;
}

Error corrupt(std::string message) {
  return {Code::corrupt, std::move(message)};
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  std::uint32_t crc = 0xffffffffU;
  while (bytes.size() >= 8) {
    const std::uint32_t low = crc ^ load_le32(bytes, 0);
    const std::uint32_t high = load_le32(bytes, 4);
    crc = crc_tables[7][low & 0xff] ^ crc_tables[6][(low >> 8) & 0xff] ^
          crc_tables[5][(low >> 16) & 0xff] ^ crc_tables[4][low >> 24] ^
          crc_tables[3][high & 0xff] ^ crc_tables[2][(high >> 8) & 0xff] ^
          crc_tables[1][(high >> 16) & 0xff] ^ crc_tables[0][high >> 24];
    bytes.remove_prefix(8);
  }
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    crc = (crc >> 8) ^ crc_tables[0][(crc ^ byte_at(bytes, i)) & 0xff];
  }
  return ~crc;
}

void RecordWriter::uint(std::uint32_t tag, std::uint64_t value) {
  if (value == 0) return;
  put_varint(out_, std::uint64_t{tag} * 2);
  put_varint(out_, value);
}

void RecordWriter::sint(std::uint32_t tag, std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  uint(tag, (bits << 1) ^ (value < 0 ? ~std::uint64_t{0} : 0));
}

void RecordWriter::bytes(std::uint32_t tag, std::string_view v) {
  if (!v.empty()) bytes_always(tag, v);
}

void RecordWriter::bytes_always(std::uint32_t tag, std::string_view v) {
  put_varint(out_, std::uint64_t{tag} * 2 + 1);
  put_varint(out_, v.size());
  out_.append(v);
}

std::string RecordWriter::finish() && {
  const std::uint32_t crc = crc32c(out_);
  for (unsigned shift = 0; shift < 32; shift += 8) out_.push_back(static_cast<char>(crc >> shift));
  return std::move(out_);
}

Result<RecordReader> RecordReader::open(std::string_view record, std::uint8_t version) {
  if (record.size() < 1 + crc_bytes) {
    return corrupt("record of " + std::to_string(record.size()) + " bytes is cut short");
  }
  const std::string_view body = record.substr(0, record.size() - crc_bytes);
  // The checksum first: a version byte can be believed only when nothing was damaged.
  if (crc32c(body) != load_le32(record, body.size())) {
    return corrupt("record is damaged (its checksum does not match)");
  }
  if (byte_at(body, 0) != version) {
    return corrupt("record has format version " + std::to_string(byte_at(body, 0)) +
                   ", this program reads " + std::to_string(version));
  }
  return RecordReader(body.substr(1));
}

Result<bool> RecordReader::next(Field& field) {
  if (rest_.empty()) return false;
  std::uint64_t key = 0;
  if (!take_varint(rest_, key) || key / 2 > UINT32_MAX)
    return corrupt("record has a bad field key");
  field.tag = static_cast<std::uint32_t>(key / 2);
  field.is_bytes = (key & 1) != 0;
  field.bytes = {};
  if (!take_varint(rest_, field.number)) return corrupt("record has a bad field value");
  if (!field.is_bytes) return true;
  if (field.number > rest_.size()) return corrupt("record has a field longer than itself");
  field.bytes = rest_.substr(0, static_cast<std::size_t>(field.number));
  rest_.remove_prefix(field.bytes.size());
  field.number = 0;
  return true;
}

}  // namespace cube
