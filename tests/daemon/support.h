#pragma once
// What the daemon tests share: real daemons in this process, each with an I/O thread, a store and
// (a worker) an engine in memory of its own, on ports that the system chooses; and a client that is
// not ours, which holds every reply against the OpenAPI document.

#include <atomic>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "api/json_value.h"
#include "api/routes.h"
#include "daemon/manager_daemon.h"
#include "daemon/worker_daemon.h"
#include "runtime/fake_runtime.h"
#include "store/memory_store.h"

namespace httplib {
class Client;
}

namespace cube::daemon::testing {

// Long enough for a slow machine under a sanitizer; no test that passes waits for it.
inline constexpr Duration patience = 30s;

// Polls until `condition` holds; false if it does not within `patience`.
bool eventually(const std::function<bool()>& condition);

// A store whose disk can be filled and emptied at any time, from any thread.
class SmallDisk final : public store::Store {
 public:
  std::atomic<bool> full = false;
  std::atomic<int> refused = 0;  // commits that found no room

  Result<void> commit(std::span<const store::Write> writes) override;
  Result<void> scan(
      std::string_view prefix,
      const std::function<Result<void>(std::string_view, std::string_view)>& visit) override {
    return memory_.scan(prefix, visit);
  }
  bool is_full() const override { return full && refused > 0; }
  Usage usage() const override {
    Usage usage = memory_.usage();
    usage.full = is_full();
    return usage;
  }

 private:
  store::MemoryStore memory_;
};

// A worker, its engine and its store. The image "app" is there.
struct WorkerBox {
  explicit WorkerBox(std::string name, std::vector<std::string> join = {});
  ~WorkerBox();
  void start();  // again after stop(): a restart of the process, the engine untouched
  void stop();
  std::string address() const;
  // Containers that were ever made, also those that are gone.
  std::uint64_t created() const { return engine.calls(runtime::FakeRuntime::Op::create); }

  std::string name;
  std::vector<std::string> join;
  std::uint16_t port = 0;  // of the first start; kept by later ones
  SmallDisk store;
  Log log{Log::Format::text, "worker"};
  http::Loop loop;
  runtime::FakeRuntime engine{&loop};
  std::unique_ptr<WorkerDaemon> daemon;
};

struct ManagerBox {
  explicit ManagerBox(std::vector<std::string> workers = {}, std::uint16_t port = 0);
  ~ManagerBox();
  void start();
  void stop();
  std::string address() const;

  std::vector<std::string> workers;
  std::uint16_t port = 0;
  SmallDisk store;
  Log log{Log::Format::text, "manager"};
  http::Loop loop;
  std::unique_ptr<ManagerDaemon> daemon;
};

struct Reply {
  int status = 0;  // 0: no reply
  std::string body;
  std::multimap<std::string, std::string> headers;

  api::Value json() const;
  // The text, or the whole number as text, of a member of the body (or of its n-th element).
  std::string member(std::string_view key) const;
};

// The member of `object` as text, whatever it is; empty when absent.
std::string member(const api::Value& object, std::string_view key);

// A client of one daemon, cpp-httplib's. Each reply of a route in the table is checked against the
// OpenAPI document, and noted in `seen`. One thread at a time.
class Caller {
 public:
  using Headers = std::multimap<std::string, std::string>;
  Caller(api::Daemon daemon, std::uint16_t port) : daemon_(daemon), port_(port) {}
  // One that does not look at the document: for crowds, which would spend their time with it.
  static Caller hasty(api::Daemon daemon, std::uint16_t port) {
    Caller caller(daemon, port);
    caller.checks_ = false;
    return caller;
  }

  Reply get(const std::string& target, const Headers& headers = {});
  Reply post(const std::string& target, const std::string& body, const Headers& headers = {});
  Reply put(const std::string& target, const std::string& body);
  Reply erase(const std::string& target);
  Reply call(const std::string& method, const std::string& target, const std::string& body = {},
             const Headers& headers = {});
  // All tasks have this wire state and there are so many of them.
  bool all_tasks(std::size_t count, int state);

  std::map<std::string, std::set<int>> seen;  // operation -> statuses

 private:
  void check(const std::string& method, const std::string& target, const Reply& reply);

  api::Daemon daemon_;
  std::uint16_t port_;
  bool checks_ = true;
};

// A reply that does not end by itself, read on a thread of its own until it is over or stop().
class Follower {
 public:
  Follower(std::uint16_t port, std::string target, Caller::Headers headers = {});
  ~Follower();
  void stop();  // hangs up
  std::string text() const;
  int status() const { return status_; }
  bool over() const { return over_; }
  bool waits_for(std::string_view text) const;  // until it has come

 private:
  std::unique_ptr<httplib::Client> client_;
  mutable std::mutex mutex_;
  std::string text_;
  std::atomic<int> status_ = 0;
  std::atomic<bool> stopping_ = false, over_ = false;
  std::thread thread_;
};

// Posts a task of the image "app" and returns its id; the test fails if it is not taken.
std::string submit(Caller& caller, const std::string& name, const std::string& more = {});
bool runs(Caller& caller, const std::string& id);  // waits until it does

}  // namespace cube::daemon::testing
