#pragma once
// `FakeNodes`: thousands of workers of one process that speak the manager's protocol and run
// nothing. Node i answers on an address of its own, 127.x.y.z, all of them behind one listening
// port: whoever is called can be seen from the local address of the connection.
//
// They answer as `cube worker` does: PUT /assignment with a report, GET /report as a long poll.
// What they are given is reported running after a short while, with a container's id and address.
// They only ever get more to run; nothing here stops a task.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

namespace cube::bench {

struct FakeNodesOptions {
  std::uint32_t count = 100;
  std::uint16_t port = 0;
  std::string cluster = "scale";
  std::chrono::milliseconds start_after{50};  // from the assignment to running
};

class FakeNodes {
 public:
  explicit FakeNodes(FakeNodesOptions options);  // ends the program when it cannot listen
  ~FakeNodes();

  static std::string address(std::uint32_t node, std::uint16_t port);
  static std::string name(std::uint32_t node);
  std::string join_json(std::uint32_t node) const;

  // Tasks that were assigned, and those whose running the manager has taken in: it asks for what
  // comes after only once it has committed what came before.
  std::uint64_t assigned() const { return assigned_; }
  std::uint64_t acknowledged() const { return acknowledged_; }
  std::uint64_t puts() const { return puts_; }
  std::uint64_t put_bytes() const { return put_bytes_; }

 private:
  class Loop;
  std::atomic<std::uint64_t> assigned_ = 0, acknowledged_ = 0, puts_ = 0, put_bytes_ = 0;
  FakeNodesOptions options_;
  std::unique_ptr<Loop> loop_;
  std::thread thread_;
};

}  // namespace cube::bench
