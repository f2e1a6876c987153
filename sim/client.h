#pragma once
// `Client`: a person or program that uses the manager: submits, stops, reads, and repeats what was
// not answered, with the same Idempotency-Key, until it is.

#include <memory>
#include <string>
#include <vector>

#include "sim/manager_host.h"

namespace cube::sim {

class Client {
 public:
  Client(Sim& sim, ManagerHost& manager, std::uint32_t number, std::uint32_t tasks_max);
  Client(const Client&) = delete;

  void begin() { next(); }
  std::size_t unanswered() const { return unanswered_; }

 private:
  struct Request {
    std::vector<api::Submission> items;  // to submit; none: a stop
    std::string key;
    TaskId stop;
    std::string name;
    bool over = false;
    std::uint64_t tries = 0;
  };
  using RequestPtr = std::shared_ptr<Request>;

  void next();
  void act();
  void submit();
  void stop();
  void read();
  void send(const RequestPtr& request);
  void arrive(const RequestPtr& request, std::uint64_t attempt);
  void answered(const RequestPtr& request, const decltype(manager::Reply::body)* body);
  void again(const RequestPtr& request, std::uint64_t attempt, Duration after);
  TaskSpec draw_spec(const std::string& name);
  std::uint32_t pick(std::uint64_t bound) { return static_cast<std::uint32_t>(rng_.below(bound)); }
  bool lost() { return !sim_.calm && network_.below(1000) < sim_.options.lost; }
  Duration hop();

  Sim& sim_;
  ManagerHost& manager_;
  std::string name_;
  Rng rng_, specs_, network_;
  std::uint32_t tasks_max_, tasks_left_;
  std::uint32_t requests_ = 0;
  std::size_t unanswered_ = 0;
  std::vector<TaskId> known_;
  std::vector<RequestPtr> submissions_;
  std::map<TaskId, std::uint32_t> seen_attempt_;
};

}  // namespace cube::sim
