#pragma once
// Internal to the proxy: `Listener`, an open port.

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "ingress/reactor.h"
#include "ingress/stream.h"
#include "ingress/wheel.h"

namespace cube::ingress {

struct Core;

class Listener : public Source, public Timed {
 public:
  // Holds the port, and takes no connection before `listen`. `service_port`: 0 for the common one.
  // Errors name address and cause.
  static Result<std::unique_ptr<Listener>> bind(Core& core, std::uint16_t service_port,
                                                std::uint16_t port);
  Result<void> listen();  // for the first time; nothing after that

  void on_ready(std::uint32_t events) override;
  void on_deadline() override { on_ready(0); }

  std::uint16_t service_port() const { return service_port_; }
  std::uint16_t port() const { return port_; }
  void close() { socket_.close(); }
  void close_when_empty();  // takes who is waiting to be taken first

 private:
  explicit Listener(Core& core) : core_(core) {}

  Core& core_;
  Stream socket_;
  bool listens_ = false;
  std::uint16_t service_port_ = 0, port_ = 0;
};

}  // namespace cube::ingress
