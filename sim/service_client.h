#pragma once
// `ServiceClient`: an operator. Creates, updates, scales, rolls back and removes services, stops
// replicas, and takes nodes out of use; one thing after the other, each repeated until it is
// answered. When the faults are over it asks for what can be, and that must come about.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/manager_host.h"

namespace cube::sim {

class ServiceClient {
 public:
  ServiceClient(Sim& sim, ManagerHost& manager);
  ServiceClient(const ServiceClient&) = delete;

  void begin() { next(); }
  void heal();  // the faults are over
  bool is_settled() const { return is_settled_; }
  // What there should be in the end, by name; only the number of replicas may be another.
  const std::map<std::string, service::ServiceSpec>& wanted() const { return wanted_; }

 private:
  using Make = std::function<manager::Input(manager::Token)>;
  using Body = decltype(manager::Reply::body);
  using Then = std::function<void(const Body&)>;
  struct Request {
    std::string what;
    Make make;
    Then then;
    std::uint64_t tries = 0;
    bool over = false;
  };
  using RequestPtr = std::shared_ptr<Request>;

  void next();
  void act();
  service::ServiceSpec draw_spec(const std::string& name);
  void draw_task(service::ServiceSpec& spec);
  void draw_update(service::UpdatePolicy& update);
  void draw_autoscale(service::ServiceSpec& spec);
  void stop_a_replica(const std::string& service);
  void set_availability(const std::string& node, manager::Availability availability, Then then);
  void settle_nodes(std::size_t from);
  void settle_services(std::size_t from);
  service::ServiceSpec final_spec(const std::string& name);
  void ask(std::string what, Make make, Then then);
  void send(const RequestPtr& request);
  void again(const RequestPtr& request, std::uint64_t attempt, Duration after);
  void arrive(const RequestPtr& request, std::uint64_t attempt);
  std::uint32_t pick(std::uint64_t bound) { return static_cast<std::uint32_t>(rng_.below(bound)); }
  bool lost() { return !sim_.calm && network_.below(1000) < sim_.options.lost; }
  Duration hop();
  std::string any_name() { return "s" + std::to_string(1 + pick(sim_.options.services)); }

  Sim& sim_;
  ManagerHost& manager_;
  Rng rng_, specs_, network_;
  bool waits_ = false, is_settled_ = false;
  std::uint32_t versions_ = 0;
  std::map<std::string, service::ServiceSpec> wanted_;
};

}  // namespace cube::sim
