// What LmdbStore promises beyond every Store: durability, one owner, and clear words when its
// directory, disk or files are not as they should be.

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <vector>

#include "base/bytes.h"
#include "base/rng.h"
#include "store/lmdb_store.h"
#include "tests/store/temp_directory.h"

namespace cube::store {
namespace {

std::unique_ptr<Store> open(const LmdbOptions& options) {
  auto store = open_lmdb(options);
  REQUIRE_MESSAGE(store.ok(), store.error().message);
  return std::move(store).value();
}

Error refusal(const LmdbOptions& options) {
  auto store = open_lmdb(options);
  REQUIRE(!store.ok());
  return store.error();
}

std::size_t count(Store& store) {
  std::size_t n = 0;
  REQUIRE(store
              .scan("",
                    [&](std::string_view, std::string_view) {
                      ++n;
                      return Result<void>();
                    })
              .ok());
  return n;
}

Result<void> put(Store& store, const std::string& key, const std::string& value) {
  const std::vector<Write> writes{Write::put(key, value)};
  return store.commit(writes);
}

std::string contents(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

void write_file(const std::string& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

bool has(const Error& error, std::string_view words) {
  return error.message.find(words) != std::string::npos;
}

// Runs `body` in a child process; what it returns is the child's exit code.
template <class Body>
pid_t in_child(Body body) {
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) ::_exit(body());
  return pid;
}

int status_of(pid_t pid) {
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  return status;
}

TEST_CASE("what was committed is there when opened again") {
  const TempDirectory directory;
  const LmdbOptions options{.directory = directory / "deep/er/store", .role = "manager"};
  {
    const auto store = open(options);
    REQUIRE(put(*store, "t1", "one").ok());
  }
  struct stat info {};
  REQUIRE(::stat(options.directory.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0700);
  const auto store = open(options);
  CHECK(count(*store) == 1);
}

TEST_CASE("one process at a time") {
  const TempDirectory directory;
  const LmdbOptions options{.directory = directory / "s", .role = "manager"};
  int pipes[2];
  REQUIRE(::pipe(pipes) == 0);
  const pid_t child = in_child([&] {
    auto store = open_lmdb(options);
    if (!store.ok()) return 1;
    if (::write(pipes[1], "x", 1) != 1) return 2;
    ::pause();
    return 0;
  });
  char ready = 0;
  REQUIRE(::read(pipes[0], &ready, 1) == 1);

  const Error error = refusal(options);
  CHECK(error.code == Code::conflict);
  CHECK(has(error, "is already open by process " + std::to_string(child)));
  CHECK(has(error, options.directory));

  SUBCASE("free again when the owner is killed") {
    ::kill(child, SIGKILL);
    status_of(child);
    CHECK(count(*open(options)) == 0);
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(pipes[0]);
  ::close(pipes[1]);
}

TEST_CASE("twice in one process is refused too") {
  const TempDirectory directory;
  const LmdbOptions options{.directory = directory / "s", .role = "worker"};
  const auto store = open(options);
  CHECK(refusal(options).code == Code::conflict);
}

TEST_CASE("the map grows by itself, within one batch and over many") {
  const TempDirectory directory;
  const LmdbOptions options{
      .directory = directory / "s", .role = "manager", .map_bytes_first = 64 * 1024};
  {
    const auto store = open(options);
    std::vector<Write> writes;
    for (int i = 0; i < 400; ++i) {
      writes.push_back(Write::put("k" + std::to_string(i), std::string(5000, 'v')));
    }
    const auto committed = store->commit(writes);
    REQUIRE_MESSAGE(committed.ok(), committed.error().message);
    for (int i = 0; i < 100; ++i) {
      REQUIRE(put(*store, "m" + std::to_string(i), std::string(10000, 'w')).ok());
    }
    CHECK(count(*store) == 500);
  }
  const auto store = open(options);  // larger now than map_bytes_first
  CHECK(count(*store) == 500);
  REQUIRE(put(*store, "z", std::string(100000, 'z')).ok());
}

TEST_CASE("of a large file little stays in this process's memory") {
  const TempDirectory directory;
  const auto store = open({.directory = directory / "s", .role = "manager"});
  const auto resident_file_kib = [] {
    std::ifstream in("/proc/self/status");
    for (std::string line; std::getline(in, line);) {
      if (line.starts_with("RssFile:")) return std::stoul(line.substr(8));
    }
    return 0UL;
  };
  const auto before = resident_file_kib();
  constexpr std::size_t batches = 150, records = 1000;
  for (std::size_t b = 0; b < batches; ++b) {  // 75 MB, in the order of keys
    std::vector<Write> writes;
    for (std::size_t i = 0; i < records; ++i) {
      writes.push_back(Write::put(std::to_string(1'000'000 + b * records + i),
                                  std::string(500, static_cast<char>('a' + b % 26))));
    }
    REQUIRE(store->commit(writes).ok());
  }
  CHECK(count(*store) == batches * records);
  CHECK(resident_file_kib() < before + 20'000);
}

TEST_CASE("at its greatest size it refuses, loses nothing, and takes deletes") {
  const TempDirectory directory;
  const LmdbOptions options{.directory = directory / "s",
                            .role = "manager",
                            .map_bytes_first = 64 * 1024,
                            .map_bytes_max = 256 * 1024};
  const auto store = open(options);
  std::size_t stored = 0;
  Result<void> last;
  for (; stored < 1000; ++stored) {
    last = put(*store, "k" + std::to_string(stored), std::string(5000, 'v'));
    if (!last) break;
  }
  REQUIRE(!last.ok());
  CHECK(last.error().code == Code::no_space);
  CHECK(has(last.error(), "greatest size of 262144 bytes"));
  CHECK(stored > 10);
  CHECK(count(*store) == stored);
  const std::vector<Write> deletes{Write::erase("k0"), Write::erase("k1"), Write::erase("k2")};
  for (const Write& write : deletes) REQUIRE(store->commit({&write, 1}).ok());
  CHECK(put(*store, "again", "fits").ok());
  CHECK(count(*store) == stored - 2);
}

TEST_CASE("a store of another role or format version is refused") {
  const TempDirectory directory;
  const std::string path = directory / "s";
  { REQUIRE(put(*open({.directory = path, .role = "worker"}), "k", "v").ok()); }
  const Error role = refusal({.directory = path, .role = "manager"});
  CHECK(role.code == Code::conflict);
  CHECK(has(role, "belongs to a worker, not to a manager"));

  std::string bytes = contents(path + "/data.mdb");
  const std::string key = "format1";  // key and value stand side by side in the leaf
  std::size_t changed = 0;
  for (std::size_t at = bytes.find(key); at != std::string::npos; at = bytes.find(key, at + 1)) {
    bytes[at + key.size() - 1] = '2';
    ++changed;
  }
  REQUIRE(changed > 0);
  write_file(path + "/data.mdb", bytes);
  const Error version = refusal({.directory = path, .role = "worker"});
  CHECK(version.code == Code::corrupt);
  CHECK(has(version, "has format version 2, this program reads 1"));
}

TEST_CASE("a directory that cannot be made or used is named, with the remedy") {
  const TempDirectory directory;
  write_file(directory / "file", "not a directory");
  for (const std::string& path : {directory / "file", directory / "file/below"}) {
    const Error error = refusal({.directory = path, .role = "manager"});
    CHECK(error.code == Code::unavailable);
    CHECK(has(error, directory / "file"));
    CHECK(has(error, "--data-dir"));
  }
  const Error read_only = refusal({.directory = "/proc/self/cube", .role = "manager"});
  CHECK(has(read_only, "/proc/self/cube"));
  CHECK(has(read_only, "cannot be created there; name another directory with --data-dir"));
  CHECK(refusal({.directory = "", .role = "manager"}).code == Code::invalid);
}

TEST_CASE("a user without the right to write is told so") {
  if (::geteuid() != 0) {
    MESSAGE("skipped: only root can become another user");
    return;
  }
  const TempDirectory directory;
  REQUIRE(::chmod(directory.path().c_str(), 0755) == 0);
  REQUIRE(::mkdir((directory / "s").c_str(), 0755) == 0);
  const pid_t child = in_child([&] {
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) return 2;
    const auto store = open_lmdb({.directory = directory / "s", .role = "manager"});
    return !store.ok() && has(store.error(), "Permission denied; make the directory writable") ? 0
                                                                                               : 1;
  });
  CHECK(status_of(child) == 0);
}

// --- damage -------------------------------------------------------------------------------------

TEST_CASE("files that are no store are refused") {
  const TempDirectory directory;
  const std::string path = directory / "s";
  REQUIRE(::mkdir(path.c_str(), 0700) == 0);
  write_file(path + "/data.mdb", std::string(20000, 'x'));
  const Error error = refusal({.directory = path, .role = "manager"});
  CHECK(error.code == Code::corrupt);
  CHECK(has(error, "damaged"));
  CHECK(has(error, path));
}

TEST_CASE("a file cut short is an error, never a crash") {
  const TempDirectory directory;
  const std::string path = directory / "s";
  {
    const auto store = open({.directory = path, .role = "manager"});
    for (int i = 0; i < 50; ++i) {
      REQUIRE(put(*store, "k" + std::to_string(i), std::string(3000, 'v')).ok());
    }
  }
  const std::string whole = contents(path + "/data.mdb");
  for (std::size_t bytes = 4096; bytes < whole.size(); bytes += 4096) {
    write_file(path + "/data.mdb", whole.substr(0, bytes));
    // In a child: a crash would be the test's end.
    const pid_t child = in_child([&] {
      auto store = open_lmdb({.directory = path, .role = "manager"});
      if (!store.ok()) return store.error().code == Code::corrupt ? 0 : 3;
      std::size_t good = 0;
      const auto scanned = (*store)->scan("", [&](std::string_view, std::string_view value) {
        good += value == std::string(3000, 'v');
        return Result<void>();
      });
      return !scanned.ok() || good > 0 ? 0 : 4;
    });
    CHECK_MESSAGE(status_of(child) == 0, "cut to ", bytes);
  }
}

namespace {

using Pairs = std::map<std::string, std::string>;

// A store that lives on: short and long values, erased ones, free pages. `held` is what it holds.
void live_on(const std::string& path, Rng& rng, Pairs& held) {
  const auto store = open({.directory = path, .role = "manager"});
  for (int batch = 0; batch < 60; ++batch) {
    std::vector<Write> writes;
    for (int i = 0; i < 40; ++i) {
      const std::string key = "k" + std::to_string(rng.below(600));
      if (rng.below(3) == 0) {
        held.erase(key);
        writes.push_back(Write::erase(key));
      } else {
        const std::string value(rng.below(20) == 0 ? 9000 : rng.below(300), 'v');
        held[key] = value;
        writes.push_back(Write::put(key, value));
      }
    }
    REQUIRE(store->commit(writes).ok());
  }
}

constexpr int exited(int code) {
  return code << 8;  // as waitpid() tells it
}

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

// 0: refused as damaged; 1: it can be used, though perhaps with other values or an older state,
// which the records' checksums and epochs are there for. Anything else, or a crash, is a failure.
int use(const std::string& path) {
  auto store = open_lmdb({.directory = path, .role = "manager"});
  if (!store.ok()) return store.error().code == Code::corrupt ? 0 : 2;
  std::vector<std::string> keys;
  std::size_t bytes = 0;
  const auto scanned = (*store)->scan("", [&](std::string_view key, std::string_view value) {
    keys.emplace_back(key);
    bytes += static_cast<std::size_t>(std::count(value.begin(), value.end(), 'v'));
    return Result<void>();
  });
  if (!scanned.ok()) return 0;
  for (std::size_t i = 0; i < keys.size(); i += 40) {
    std::vector<Write> writes;
    for (std::size_t k = i; k < std::min(i + 40, keys.size()); ++k) {
      writes.push_back(Write::erase(keys[k]));
      writes.push_back(Write::put("n" + keys[k], std::string(bytes % 5000, 'n')));
    }
    if (!(*store)->commit(writes).ok()) return 0;
  }
  return 1;
}

}  // namespace

TEST_CASE("flipped bytes in the file are an error or do no harm, never a crash") {
  const TempDirectory directory;
  const std::string path = directory / "s";
  const std::uint64_t seed = from_environment("CUBE_SEED", 7);
  Rng rng(seed);
  Pairs held;
  live_on(path, rng, held);
  const std::string whole = contents(path + "/data.mdb");
  std::uint64_t refused = 0;
  const auto files = from_environment("CUBE_SEEDS", 60);
  for (std::uint64_t i = 0; i < files; ++i) {
    std::string flipped = whole;
    for (std::uint64_t n = 1 + rng.below(8); n > 0; --n) {
      // Half of them where the pages' headers and entries are.
      std::size_t at = rng.below(flipped.size());
      if (rng.below(2) == 0) at = at / 4096 * 4096 + rng.below(200);
      flipped[at] = static_cast<char>(rng.below(256));
    }
    write_file(path + "/data.mdb", flipped);
    const int status = status_of(in_child([&] { return use(path); }));
    CHECK_MESSAGE((status == exited(0) || status == exited(1)), "file ", i, " of CUBE_SEED=", seed,
                  ": wait status ", status);
    refused += status == exited(0) ? 1U : 0U;
  }
  CHECK(refused > 0);
  write_file(path + "/data.mdb", whole);
  CHECK(status_of(in_child([&] { return use(path); })) == exited(1));
}

TEST_CASE("a store that has lived is sound, whenever it is opened") {
  const TempDirectory directory;
  const std::string path = directory / "s";
  Rng rng(11);
  Pairs held;
  for (int life = 0; life < 8; ++life) {
    live_on(path, rng, held);
    const auto store = open({.directory = path, .role = "manager"});
    std::size_t right = 0;
    REQUIRE(store
                ->scan("",
                       [&](std::string_view key, std::string_view value) {
                         const auto known = held.find(std::string(key));
                         right += known != held.end() && known->second == value ? 1U : 0U;
                         return Result<void>();
                       })
                .ok());
    CHECK(right == held.size());
  }
}

// --- crashes and full disks ---------------------------------------------------------------------

// Commits pairs until killed, telling the parent through `fd` after each commit.
int commit_pairs(const LmdbOptions& options, int fd) {
  auto store = open_lmdb(options);
  if (!store.ok()) return 1;
  for (std::uint32_t i = 0;; ++i) {
    const std::string n = std::to_string(i);
    const std::vector<Write> writes{Write::put("a" + n, std::string(300, 'a')),
                                    Write::put("b" + n, std::string(6000, 'b'))};
    if (!(*store)->commit(writes).ok()) return 2;
    if (::write(fd, &i, sizeof i) != sizeof i) return 3;
  }
}

TEST_CASE("after kill -9 every acknowledged batch is there, whole") {
  Rng rng(11);
  for (int round = 0; round < 8; ++round) {
    const TempDirectory directory;
    const LmdbOptions options{
        .directory = directory / "s", .role = "manager", .map_bytes_first = 64 * 1024};
    int pipes[2];
    REQUIRE(::pipe(pipes) == 0);
    const pid_t child = in_child([&] { return commit_pairs(options, pipes[1]); });
    ::close(pipes[1]);
    const auto stop_after = static_cast<std::uint32_t>(rng.below(40));
    std::uint32_t acknowledged = 0;
    while (acknowledged < stop_after &&
           ::read(pipes[0], &acknowledged, sizeof acknowledged) == sizeof acknowledged) {
    }
    ::kill(child, SIGKILL);
    CHECK(WIFSIGNALED(status_of(child)));
    while (::read(pipes[0], &acknowledged, sizeof acknowledged) == sizeof acknowledged) {
    }
    ::close(pipes[0]);
    const auto store = open(options);
    const std::size_t found = count(*store);
    CHECK(found % 2 == 0);
    CHECK(found >= 2 * std::size_t{acknowledged});
  }
}

// A tmpfs of `kib` on a directory, unmounted at the end.
class SmallDisk {
 public:
  SmallDisk(std::string at, int kib) : at_(std::move(at)) {
    ::mkdir(at_.c_str(), 0700);
    const std::string size = "size=" + std::to_string(kib) + "k";
    mounted = ::mount("tmpfs", at_.c_str(), "tmpfs", 0, size.c_str()) == 0;
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() {
    if (mounted) ::umount2(at_.c_str(), MNT_DETACH);
  }
  bool mounted = false;

 private:
  std::string at_;
};

TEST_CASE("a full disk refuses a batch, keeps the rest, and goes on when there is space") {
  const TempDirectory directory;
  const SmallDisk disk(directory / "disk", 512);
  if (!disk.mounted) {
    MESSAGE("skipped: a small disk cannot be mounted here (needs root)");
    return;
  }
  const LmdbOptions options{.directory = directory / "disk/s", .role = "manager"};
  auto store = open(options);
  const std::string ballast = directory / "disk/ballast";
  write_file(ballast, std::string(200 * 1024, 'b'));
  std::size_t stored = 0;
  Result<void> last;
  for (; stored < 500; ++stored) {
    last = put(*store, "k" + std::to_string(stored), std::string(7000, 'v'));
    if (!last) break;
  }
  REQUIRE(!last.ok());
  CHECK_MESSAGE(last.error().code == Code::no_space, last.error().message);
  CHECK(has(last.error(), options.directory));
  CHECK(stored > 5);
  CHECK(count(*store) == stored);
  CHECK(!put(*store, "still", std::string(50000, 's')).ok());

  std::filesystem::remove(ballast);
  CHECK(put(*store, "after", std::string(7000, 'v')).ok());
  CHECK(count(*store) == stored + 1);
  store.reset();
  CHECK(count(*open(options)) == stored + 1);
}

TEST_CASE("a new store on a full disk says so") {
  const TempDirectory directory;
  const SmallDisk disk(directory / "disk", 64);
  if (!disk.mounted) {
    MESSAGE("skipped: a small disk cannot be mounted here (needs root)");
    return;
  }
  write_file(directory / "disk/ballast", std::string(64 * 1024, 'b'));
  const Error error = refusal({.directory = directory / "disk", .role = "manager"});
  CHECK_MESSAGE(error.code == Code::no_space, error.message);
}

}  // namespace
}  // namespace cube::store
