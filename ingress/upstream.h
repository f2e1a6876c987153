#pragma once
// Internal to the proxy: `Upstream`, a connection to a replica. A session owns it while a request
// is on it, its replica while it is kept for the next.

#include <memory>
#include <string>

#include "ingress/reactor.h"
#include "ingress/stream.h"
#include "ingress/wheel.h"

namespace cube::ingress {

struct Core;
struct Replica;
class Session;

class Upstream : public Source, public Timed {
 public:
  // Begins to connect. Null, with errno set: that failed at once.
  static std::unique_ptr<Upstream> connect(Core& core, std::shared_ptr<Replica> replica);

  Upstream(Core& core, std::shared_ptr<Replica> replica, int fd, bool connected);
  void on_ready(std::uint32_t events) override;
  void on_deadline() override;
  bool quiet() const;  // nothing has come that nobody asked for, not even the end

  Stream stream;
  Core& core;
  std::shared_ptr<Replica> replica;
  Session* owner = nullptr;
  std::string in;  // of a reply's head, as far as it has come
  bool connecting = false;
  int connect_error = 0;  // an errno
  bool reused = false;    // it has carried a request before
};

}  // namespace cube::ingress
