#include "store/lmdb_store.h"

#include <fcntl.h>
#include <lmdb.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

#include "store/ballast.h"
#include "store/directory.h"
#include "store/keys.h"
#include "store/lmdb_pages.h"

namespace cube::store {
namespace {

constexpr std::string_view format_version = "1";
constexpr std::string_view format_key = "format";
constexpr std::string_view role_key = "role";
constexpr mdb_mode_t file_mode = 0600;
constexpr std::uint64_t map_bytes_least = 64 * 1024;  // an empty store has room in it
// A batch is full-disk news, not a broken disk, when less than this was free after it failed.
constexpr std::uint64_t nearly_full_bytes = 1 << 20;

// What was read of the file stays mapped, and counts as this process's memory, until it is as much
// as the whole file. So it is let go after so much was written; the system still has it at hand.
constexpr std::uint64_t mapped_bytes_max = 32 << 20;

// LMDB's own locking is off: `Directory` lets one process in, and one thread calls. So nothing is
// ever written through a memory map, where a full disk would be a SIGBUS instead of an error.
constexpr unsigned env_flags = MDB_NOLOCK;

MDB_val val(std::string_view bytes) {
  return {bytes.size(), const_cast<char*>(bytes.data())};  // LMDB writes to neither key nor value
}
std::string_view view(const MDB_val& v) {
  return {static_cast<const char*>(v.mv_data), v.mv_size};
}

struct CloseEnv {
  void operator()(MDB_env* env) const { mdb_env_close(env); }
};
using Env = std::unique_ptr<MDB_env, CloseEnv>;

// A transaction that is undone unless committed. `begun()` is the LMDB code of its beginning.
class Txn {
 public:
  Txn(MDB_env* env, unsigned flags) { begun_ = mdb_txn_begin(env, nullptr, flags, &txn_); }
  Txn(const Txn&) = delete;
  Txn& operator=(const Txn&) = delete;
  ~Txn() {
    if (txn_ != nullptr) mdb_txn_abort(txn_);
  }
  int begun() const { return begun_; }
  int commit() { return mdb_txn_commit(std::exchange(txn_, nullptr)); }
  MDB_txn* get() const { return txn_; }

 private:
  MDB_txn* txn_ = nullptr;
  int begun_ = 0;
};

class LmdbStore final : public Store {
 public:
  LmdbStore(Directory directory, const LmdbOptions& options)
      : directory_(std::move(directory)),
        options_(options),
        ballast_(directory_.path() + "/ballast") {}

  Result<void> open();

  Result<void> commit(std::span<const Write> writes) override;
  Result<void> scan(
      std::string_view prefix,
      const std::function<Result<void>(std::string_view, std::string_view)>& visit) override;
  bool is_full() const override;
  Usage usage() const override;

 private:
  Result<void> visit_all(
      std::string_view prefix,
      const std::function<Result<void>(std::string_view, std::string_view)>& visit);
  Result<void> open_env();
  Result<void> check_length() const;
  Result<void> check_soundness() const;
  Result<void> open_tables();
  Result<void> check_meta(MDB_txn* txn);
  int last_key(MDB_txn* txn, std::string& out) const;
  int apply(std::span<const Write> writes);
  Result<void> grow();
  Result<void> let_go();
  Result<void> after_full_disk();
  Error error(int code) const;
  Error damaged(std::string_view how) const;

  Directory directory_;
  const LmdbOptions options_;
  Ballast ballast_;
  std::atomic<bool> full_ = false;
  Env env_;
  MDB_dbi meta_ = 0, data_ = 0;
  bool scanning_ = false;
  std::uint64_t written_bytes_ = 0;  // since the file was mapped
  std::optional<Error> broken_;      // no commit after this one
};

Error LmdbStore::damaged(std::string_view how) const {
  return {Code::corrupt, "store " + directory_.path() + ": its files are damaged (" +
                             std::string(how) +
                             "); bring them back from a copy, or move them away to begin anew"};
}

// An LMDB code, which may be an errno, as an Error about this store.
Error LmdbStore::error(int code) const {
  const std::string where = "store " + directory_.path() + ": ";
  switch (code) {
    case MDB_VERSION_MISMATCH:
      return {Code::corrupt, where +
                                 "its files were written by another version of LMDB; open it with "
                                 "the program that made it, or move it away to begin anew"};
    case MDB_INVALID:
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INCOMPATIBLE:
      return damaged(mdb_strerror(code));
    case MDB_MAP_FULL:
      return {Code::no_space, where + "it has reached its greatest size of " +
                                  std::to_string(options_.map_bytes_max) + " bytes"};
    default:
      if (code > 0) return directory_.failed(code);
      return {Code::internal, where + mdb_strerror(code)};
  }
}

Result<void> LmdbStore::open() {
  CUBE_TRY(check_soundness());
  CUBE_TRY(open_env());
  CUBE_TRY(check_length());
  CUBE_TRY(open_tables());
  full_ = !ballast_.take();
  return directory_.sync();
}

Result<void> LmdbStore::open_env() {
  MDB_env* env = nullptr;
  if (const int code = mdb_env_create(&env); code != 0) return error(code);
  env_.reset(env);
  int code = mdb_env_set_mapsize(env, std::max(options_.map_bytes_first, map_bytes_least));
  if (code == 0) code = mdb_env_set_maxdbs(env, 2);
  if (code == 0) code = mdb_env_open(env, directory_.path().c_str(), env_flags, file_mode);
  if (code != 0) return error(code);
  return {};
}

// A file shorter than its header says would end in a SIGBUS where the map has nothing behind it.
// Lengthened by a hole, what is missing reads as zeros, which LMDB reports as damage. A healthy
// file may lack free pages at its end too.
Result<void> LmdbStore::check_length() const {
  MDB_envinfo info{};
  MDB_stat stat{};
  int fd = -1;
  mdb_env_info(env_.get(), &info);
  mdb_env_stat(env_.get(), &stat);
  mdb_env_get_fd(env_.get(), &fd);
  struct stat file {};
  if (::fstat(fd, &file) != 0) return error(errno);
  const std::uint64_t bytes = (info.me_last_pgno + 1) * std::uint64_t{stat.ms_psize};
  const auto there = static_cast<std::uint64_t>(file.st_size);
  if (bytes <= there) return {};
  if (bytes > std::max(there, options_.map_bytes_max)) return error(MDB_CORRUPTED);
  if (::ftruncate(fd, static_cast<off_t>(bytes)) != 0) return error(errno);
  return {};
}

// Before LMDB sees it: LMDB trusts its file.
Result<void> LmdbStore::check_soundness() const {
  const std::string name = directory_.path() + "/data.mdb";
  const int fd = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT ? Result<void>() : error(errno);
  struct stat file {};
  int failed = ::fstat(fd, &file) == 0 ? 0 : errno;
  const auto bytes = static_cast<std::size_t>(file.st_size);
  void* map = nullptr;
  if (failed == 0 && bytes > 0) {
    map = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) failed = errno;
  }
  ::close(fd);
  if (failed != 0) return error(failed);
  if (map == nullptr) return {};
  const auto sound = check_pages({static_cast<const std::byte*>(map), bytes});
  ::munmap(map, bytes);
  if (!sound) return damaged(sound.error().message);
  return {};
}

Result<void> LmdbStore::open_tables() {
  Txn txn(env_.get(), 0);
  if (txn.begun() != 0) return error(txn.begun());
  int code = mdb_dbi_open(txn.get(), "meta", MDB_CREATE, &meta_);
  if (code == 0) code = mdb_dbi_open(txn.get(), "data", MDB_CREATE, &data_);
  if (code != 0) return error(code);
  CUBE_TRY(check_meta(txn.get()));
  code = txn.commit();
  if (code != 0) return error(code);
  return {};
}

// Writes format and role into a new store; compares them in an old one.
Result<void> LmdbStore::check_meta(MDB_txn* txn) {
  const std::pair<std::string_view, std::string_view> wanted[] = {{format_key, format_version},
                                                                  {role_key, options_.role}};
  for (const auto& [name, want] : wanted) {
    MDB_val key = val(name);
    MDB_val found = val(want);
    // Puts only when absent, else gives what is there.
    const int code = mdb_put(txn, meta_, &key, &found, MDB_NOOVERWRITE);
    if (code == 0) continue;
    if (code != MDB_KEYEXIST) return error(code);
    if (view(found) == want) continue;
    const std::string has(view(found).substr(0, 32));
    if (name == role_key) {
      return Error{Code::conflict, "store " + directory_.path() + " belongs to a " + has +
                                       ", not to a " + options_.role +
                                       "; name another directory with --data-dir"};
    }
    return Error{Code::corrupt, "store " + directory_.path() + " has format version " + has +
                                    ", this program reads " + std::string(format_version) +
                                    "; open it with the version of cube that wrote it"};
  }
  return {};
}

// The last write of each key, in the order of keys: neighbours share pages.
std::vector<const Write*> in_key_order(std::span<const Write> writes) {
  struct Item {
    std::uint64_t head;  // the key's first eight bytes, which nearly always decide
    const Write* write;
  };
  std::vector<Item> items;
  items.reserve(writes.size());
  for (const Write& write : writes) {
    std::uint64_t head = 0;
    for (std::size_t i = 0; i < sizeof head; ++i) {
      const bool has_byte = i < write.key.size();
      head = head << 8 | (has_byte ? static_cast<unsigned char>(write.key[i]) : 0U);
    }
    items.push_back({head, &write});
  }
  std::ranges::stable_sort(items, [](const Item& a, const Item& b) {
    return a.head != b.head ? a.head < b.head : a.write->key < b.write->key;
  });
  std::vector<const Write*> out;
  out.reserve(items.size());
  for (const Item& item : items) {
    if (!out.empty() && out.back()->key == item.write->key) out.pop_back();
    out.push_back(item.write);
  }
  return out;
}

// The greatest key there is, or an empty one; an LMDB code.
int LmdbStore::last_key(MDB_txn* txn, std::string& out) const {
  MDB_cursor* opened = nullptr;
  if (const int code = mdb_cursor_open(txn, data_, &opened); code != 0) return code;
  const std::unique_ptr<MDB_cursor, decltype(&mdb_cursor_close)> cursor(opened, mdb_cursor_close);
  MDB_val key{}, value{};
  const int code = mdb_cursor_get(cursor.get(), &key, &value, MDB_LAST);
  if (code == 0) out = view(key);
  return code == MDB_NOTFOUND ? 0 : code;
}

// One try of a whole batch; an LMDB code.
int LmdbStore::apply(std::span<const Write> writes) {
  Txn txn(env_.get(), 0);
  if (txn.begun() != 0) return txn.begun();
  std::string last;
  if (const int code = last_key(txn.get(), last); code != 0) return code;
  for (const Write* write : in_key_order(writes)) {
    MDB_val key = val(write->key);
    MDB_val value = val(write->value);
    int code = 0;
    switch (write->kind) {
      case Write::Kind::put: {
        // What comes behind everything fills its pages; else each would be split in halves.
        const bool is_behind = write->key > last;
        if (is_behind) last = write->key;
        code = mdb_put(txn.get(), data_, &key, &value, is_behind ? MDB_APPEND : 0);
        break;
      }
      case Write::Kind::erase:
        code = mdb_del(txn.get(), data_, &key, nullptr);
        if (code == MDB_NOTFOUND) code = 0;
        break;
    }
    if (code != 0) return code;
  }
  return txn.commit();
}

Result<void> LmdbStore::commit(std::span<const Write> writes) {
  CUBE_ASSERT(!scanning_);  // a commit may reuse the pages that a scan reads
  if (broken_) return *broken_;
  CUBE_TRY(check_keys(writes));
  if (writes.empty()) return {};
  int code = apply(writes);
  while (code == MDB_MAP_FULL) {
    CUBE_TRY(grow());
    code = apply(writes);
  }
  if (code == 0) {
    for (const Write& write : writes) written_bytes_ += write.key.size() + write.value.size();
    if (written_bytes_ >= mapped_bytes_max) CUBE_TRY(let_go());
    if (full_ && !is_full()) full_ = !ballast_.take();
    return {};
  }
  // LMDB says EIO when a write was cut short, which is how a disk fills up.
  if (code == EIO && directory_.bytes_free() < nearly_full_bytes) code = ENOSPC;
  Error failure = error(code);
  if (failure.code == Code::no_space) {
    CUBE_TRY(after_full_disk());
  } else {
    broken_ = failure;
  }
  return failure;
}

// Maps the file anew: nothing of it is read yet.
Result<void> LmdbStore::let_go() {
  written_bytes_ = 0;
  MDB_envinfo info{};
  mdb_env_info(env_.get(), &info);
  const int code = mdb_env_set_mapsize(env_.get(), info.me_mapsize);
  if (code == 0) return {};
  broken_ = error(code);
  return *broken_;
}

// Doubles the map. On error the map is as large as it may be, or can be on this machine.
Result<void> LmdbStore::grow() {
  MDB_envinfo info{};
  mdb_env_info(env_.get(), &info);
  if (info.me_mapsize >= options_.map_bytes_max) return error(MDB_MAP_FULL);
  const std::size_t bytes = std::min<std::size_t>(info.me_mapsize * 2, options_.map_bytes_max);
  const int code = mdb_env_set_mapsize(env_.get(), bytes);
  if (code == 0) return {};
  broken_ = error(code);  // the old map is gone already
  return *broken_;
}

// Opens the environment anew: when it was the header that could not be written, LMDB refuses all
// that follows. What is on the disk is the last batch that was committed.
Result<void> LmdbStore::after_full_disk() {
  full_ = true;
  ballast_.give_up();
  env_.reset();
  Result<void> opened = open_env();
  if (opened) opened = check_length();
  if (opened) opened = open_tables();
  if (!opened) broken_ = opened.error();
  return opened;
}

Result<void> LmdbStore::scan(
    std::string_view prefix,
    const std::function<Result<void>(std::string_view, std::string_view)>& visit) {
  if (broken_) return *broken_;
  CUBE_TRY(visit_all(prefix, visit));
  return let_go();
}

Result<void> LmdbStore::visit_all(
    std::string_view prefix,
    const std::function<Result<void>(std::string_view, std::string_view)>& visit) {
  Txn txn(env_.get(), MDB_RDONLY);
  if (txn.begun() != 0) return error(txn.begun());
  MDB_cursor* opened = nullptr;
  if (const int code = mdb_cursor_open(txn.get(), data_, &opened); code != 0) return error(code);
  const std::unique_ptr<MDB_cursor, decltype(&mdb_cursor_close)> cursor(opened, mdb_cursor_close);
  scanning_ = true;
  MDB_val key = val(prefix);
  MDB_val value{};
  Result<void> visited;
  int code = mdb_cursor_get(cursor.get(), &key, &value, prefix.empty() ? MDB_FIRST : MDB_SET_RANGE);
  while (code == 0 && view(key).starts_with(prefix)) {
    visited = visit(view(key), view(value));
    if (!visited) break;
    code = mdb_cursor_get(cursor.get(), &key, &value, MDB_NEXT);
  }
  scanning_ = false;
  if (code != 0 && code != MDB_NOTFOUND) return error(code);
  return visited;
}

// There must be room for more than the ballast, or it would be full again at once.
bool LmdbStore::is_full() const {
  return full_ && directory_.bytes_free() < 2 * ballast_bytes;
}

Store::Usage LmdbStore::usage() const {
  Usage usage;
  if (!env_) return usage;
  Txn txn(env_.get(), MDB_RDONLY);
  MDB_stat stat{};
  if (txn.begun() == 0 && mdb_stat(txn.get(), data_, &stat) == 0) {
    const std::size_t pages = stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
    usage.bytes_used = std::uint64_t{pages} * stat.ms_psize;
  }
  usage.full = is_full();
  usage.bytes_limit =
      std::min<std::uint64_t>(options_.map_bytes_max, usage.bytes_used + directory_.bytes_free());
  return usage;
}

}  // namespace

Result<std::unique_ptr<Store>> open_lmdb(const LmdbOptions& options) {
  auto directory = Directory::open(options.directory);
  if (!directory) return std::move(directory).error();
  auto store = std::make_unique<LmdbStore>(std::move(directory).value(), options);
  CUBE_TRY(store->open());
  return std::unique_ptr<Store>(std::move(store));
}

}  // namespace cube::store
