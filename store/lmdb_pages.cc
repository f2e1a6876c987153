#include "store/lmdb_pages.h"

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cube::store {
namespace {

using PageNo = std::uint64_t;

// Every page begins with its number (8 bytes), 2 of padding, flags, lower and upper bound of its
// free room (2 each; of an overflow page: how many pages it spans, 4).
constexpr std::size_t page_head = 16;
constexpr std::uint16_t branch = 0x01, leaf = 0x02, overflow = 0x04;

// A node: 2 + 2 bytes (size of the data; in a branch the lower part of a page number), flags (in a
// branch the upper part), size of the key, the key, the data.
constexpr std::size_t node_head = 8;
constexpr std::uint16_t big_data = 0x01, sub_table = 0x02;

// A meta page: magic, version, address, map size, the two fixed tables, last page, transaction.
constexpr std::uint32_t magic = 0xBEEFC0DE;
constexpr std::size_t meta_map_bytes = page_head + 16;
constexpr std::size_t meta_tables = page_head + 24, table_bytes = 48;
constexpr std::size_t meta_last_page = meta_tables + 2 * table_bytes;
constexpr std::size_t meta_transaction = meta_last_page + 8;
constexpr std::size_t meta_end = meta_transaction + 8;
constexpr std::size_t page_bytes_min = 512, page_bytes_max = 65536;
constexpr std::uint64_t map_bytes_max = std::uint64_t{1} << 46;  // what a process can map
constexpr PageNo first_data_page = 2, no_page = ~PageNo{0};
constexpr int depth_max = 32;  // LMDB's cursors hold no more

template <class T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

struct Table {
  std::uint16_t flags = 0, depth = 0;
  std::uint64_t branches = 0, leaves = 0, overflows = 0, entries = 0;
  PageNo root = no_page;

  static Table at(const std::byte* p) {
    return {load<std::uint16_t>(p + 4),  load<std::uint16_t>(p + 6),  load<std::uint64_t>(p + 8),
            load<std::uint64_t>(p + 16), load<std::uint64_t>(p + 24), load<std::uint64_t>(p + 32),
            load<PageNo>(p + 40)};
  }
};

struct Node {
  const std::byte* at;
  std::uint16_t low, high, flags;
  std::string_view key;

  PageNo child() const { return low | PageNo{high} << 16 | PageNo{flags} << 32; }
  std::size_t data_bytes() const { return low | std::size_t{high} << 16; }
  const std::byte* data() const { return at + node_head + key.size(); }
};

// What a table's entries are.
enum class Kind : std::uint8_t { free_pages, tables, records };

class Walk {
 public:
  Walk(std::span<const std::byte> file, std::size_t page_bytes)
      : file_(file), page_bytes_(page_bytes) {}

  Result<void> run() {
    const std::byte* meta = page(0);
    if (load<std::uint64_t>(page(1) + meta_transaction) >
        load<std::uint64_t>(meta + meta_transaction)) {
      meta = page(1);
    }
    const auto last = load<PageNo>(meta + meta_last_page);
    if (load<std::uint64_t>(meta + meta_map_bytes) > map_bytes_max) {
      return damaged(0, "a size that cannot be");
    }
    // Free pages at the end may not have been written yet.
    if (last < 1 || last / 2 > file_.size() / page_bytes_) {
      return damaged(last, "cannot be the last");
    }
    used_.assign(last + 1, false);
    used_[0] = used_[1] = true;
    CUBE_TRY(table(Table::at(meta + meta_tables), Kind::free_pages));
    CUBE_TRY(table(Table::at(meta + meta_tables + table_bytes), Kind::tables));
    for (std::size_t i = 0; i < sub_tables_.size(); ++i) {
      CUBE_TRY(table(sub_tables_[i], Kind::records));
    }
    for (const auto& list : free_lists_) CUBE_TRY(free_list(list));
    return {};
  }

 private:
  const std::byte* page(PageNo number) const { return file_.data() + number * page_bytes_; }

  bool is_there(PageNo number) const { return number < file_.size() / page_bytes_; }

  static Error damaged(PageNo number, std::string_view what) {
    return {Code::corrupt, "page " + std::to_string(number) + ": " + std::string(what)};
  }

  // Takes `count` pages for the table at hand; none may be taken twice.
  Result<void> take(PageNo from, std::uint64_t count = 1) {
    if (from < first_data_page || from >= used_.size() || count > used_.size() - from) {
      return damaged(from, "is outside the file");
    }
    for (PageNo number = from; number < from + count; ++number) {
      if (used_[number]) return damaged(number, "is used twice");
      used_[number] = true;
    }
    return {};
  }

  Result<void> table(const Table& table, Kind kind) {
    const std::uint16_t flags = kind == Kind::free_pages ? 0x08 : 0;  // integer keys
    if (table.flags != flags) return damaged(0, "a table of an unknown kind");
    kind_ = kind;
    found_ = {};
    last_.reset();
    if (table.root != no_page) {
      if (table.depth == 0 || table.depth > depth_max) return damaged(table.root, "is too deep");
      CUBE_TRY(tree(table.root, table.depth, std::nullopt));
    }
    const bool as_told = table.branches == found_.branches && table.leaves == found_.leaves &&
                         table.overflows == found_.overflows && table.entries == found_.entries;
    if (!as_told) return damaged(table.root, "its table's counts are wrong");
    return {};
  }

  // The subtree under `number`, which is `height` pages high; its keys are not below `least`.
  Result<void> tree(PageNo number, int height, std::optional<std::string_view> least) {
    CUBE_TRY(take(number));
    if (!is_there(number)) return damaged(number, "is outside the file");
    const std::byte* p = page(number);
    const auto flags = load<std::uint16_t>(p + 10);
    const auto lower = load<std::uint16_t>(p + 12), upper = load<std::uint16_t>(p + 14);
    if (load<PageNo>(p) != number) return damaged(number, "says it is another");
    if (flags != (height == 1 ? leaf : branch)) return damaged(number, "is of the wrong kind");
    if (lower <= page_head || lower % 2 != 0 || lower > upper || upper > page_bytes_) {
      return damaged(number, "its free room is out of bounds");
    }
    const std::size_t count = (lower - page_head) / 2;
    height == 1 ? ++found_.leaves : ++found_.branches;
    for (std::size_t i = 0; i < count; ++i) {
      const auto offset = load<std::uint16_t>(p + page_head + 2 * i);
      auto node = node_at(number, p, offset, upper);
      if (!node) return std::move(node).error();
      if (height == 1) {
        CUBE_TRY(entry(number, *node, least));
        continue;
      }
      // The first key of a branch is not used: all that is below the second is under it.
      if (i > 0 && (!last_ || !before(*last_, node->key))) return damaged(number, "keys unordered");
      CUBE_TRY(tree(node->child(), height - 1, i == 0 ? least : node->key));
    }
    return {};
  }

  Result<Node> node_at(PageNo number, const std::byte* p, std::size_t offset, std::size_t upper) {
    if (offset < upper || offset + node_head > page_bytes_) {
      return damaged(number, "an entry is out of bounds");
    }
    const std::byte* at = p + offset;
    Node node{
        at, load<std::uint16_t>(at), load<std::uint16_t>(at + 2), load<std::uint16_t>(at + 4), {}};
    const std::size_t key_bytes = load<std::uint16_t>(at + 6);
    if (offset + node_head + key_bytes > page_bytes_) {
      return damaged(number, "a key is out of bounds");
    }
    node.key = {reinterpret_cast<const char*>(at + node_head), key_bytes};
    return node;
  }

  Result<void> entry(PageNo number, const Node& node, std::optional<std::string_view> least) {
    if (kind_ == Kind::free_pages && node.key.size() != sizeof(std::uint64_t)) {
      return damaged(number, "a key of a wrong size");
    }
    if ((last_ && !before(*last_, node.key)) || (least && before(node.key, *least))) {
      return damaged(number, "keys unordered");
    }
    last_ = node.key;
    ++found_.entries;
    std::span<const std::byte> data;
    if (node.flags == big_data) {
      auto far = overflow_data(number, node);
      if (!far) return std::move(far).error();
      data = *far;
    } else {
      if (node.flags != (kind_ == Kind::tables ? sub_table : 0)) {
        return damaged(number, "an entry of an unknown kind");
      }
      const auto end = static_cast<std::size_t>(node.data() - page(number)) + node.data_bytes();
      if (end > page_bytes_) return damaged(number, "a value is out of bounds");
      data = {node.data(), node.data_bytes()};
    }
    if (kind_ == Kind::free_pages) free_lists_.push_back({number, data});
    if (kind_ != Kind::tables) return {};
    if (data.size() != table_bytes) return damaged(number, "a table's header of a wrong size");
    sub_tables_.push_back(Table::at(data.data()));
    return {};
  }

  // A value of its own pages.
  Result<std::span<const std::byte>> overflow_data(PageNo number, const Node& node) {
    const auto offset = static_cast<std::size_t>(node.data() - page(number));
    if (offset + sizeof(PageNo) > page_bytes_) return damaged(number, "a value is out of bounds");
    const PageNo first = load<PageNo>(node.data());
    CUBE_TRY(take(first));
    if (!is_there(first)) return damaged(first, "is outside the file");
    const std::byte* p = page(first);
    const auto flags = load<std::uint16_t>(p + 10);
    const std::uint64_t count = load<std::uint32_t>(p + 12);  // a shorter value may leave some over
    if (load<PageNo>(p) != first || flags != overflow ||
        count * page_bytes_ < page_head + node.data_bytes()) {
      return damaged(first, "is of the wrong kind");
    }
    if (count > 1) CUBE_TRY(take(first + 1, count - 1));
    if (!is_there(first + count - 1)) return damaged(first, "reaches out of the file");
    found_.overflows += count;
    return std::span(p + page_head, node.data_bytes());
  }

  struct FreeList {
    PageNo page;  // where it is told
    std::span<const std::byte> data;
  };

  // A count and so many page numbers, descending. There may be room behind them.
  Result<void> free_list(const FreeList& list) {
    const std::size_t room = list.data.size() / sizeof(PageNo);
    if (room == 0) return damaged(list.page, "a list of free pages is too short");
    const auto number = [&](std::size_t i) {
      return load<PageNo>(list.data.data() + i * sizeof(PageNo));
    };
    if (number(0) > room - 1) return damaged(list.page, "a list of free pages is too long");
    for (std::size_t i = 1; i <= number(0); ++i) {
      if (i > 1 && number(i) >= number(i - 1)) return damaged(list.page, "free pages unordered");
      CUBE_TRY(take(number(i)));
    }
    return {};
  }

  bool before(std::string_view a, std::string_view b) const {
    if (kind_ != Kind::free_pages) return a < b;
    const auto value = [](std::string_view key) {
      return key.size() < sizeof(std::uint64_t)
                 ? 0
                 : load<std::uint64_t>(reinterpret_cast<const std::byte*>(key.data()));
    };
    return value(a) < value(b);
  }

  std::span<const std::byte> file_;
  std::size_t page_bytes_;
  std::vector<bool> used_;
  std::vector<Table> sub_tables_;
  std::vector<FreeList> free_lists_;
  Kind kind_ = Kind::records;             // of the table at hand
  Table found_;                           // its counts, as found
  std::optional<std::string_view> last_;  // its last key so far
};

}  // namespace

Result<void> check_pages(std::span<const std::byte> file) {
  if (file.size() < meta_end || load<std::uint32_t>(file.data() + page_head) != magic) return {};
  const std::size_t page_bytes = load<std::uint32_t>(file.data() + meta_tables);
  const bool sane = std::has_single_bit(page_bytes) && page_bytes >= page_bytes_min &&
                    page_bytes <= page_bytes_max && file.size() >= 2 * page_bytes;
  if (!sane) return Error{Code::corrupt, "page 0: a page size that cannot be"};
  return Walk(file, page_bytes).run();
}

}  // namespace cube::store
