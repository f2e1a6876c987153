#include "ingress/core.h"

#include <unistd.h>

#include <algorithm>

#include "ingress/listener.h"
#include "ingress/session.h"
#include "ingress/upstream.h"

namespace cube::ingress {

Core::Core(ProxyOptions options_) : options(std::move(options_)) {
  reactor.after_turn([this] { access_log.flush(); });
}

Core::~Core() = default;

void Core::admit(int fd, std::string peer, std::uint16_t service_port, std::uint16_t port) {
  const bool room = sessions.size() < options.connections_max || close_longest_idle();
  if (!room || draining) {
    ++refused_connections;
    ::close(fd);
    return;
  }
  ++accepted;
  auto session = std::make_unique<Session>(*this, fd, std::move(peer), Door{service_port, port});
  session->index = sessions.size();
  Session& added = *session;
  sessions.push_back(std::move(session));
  if (!reactor.watch(fd, added)) return added.close();
  added.pump();  // arms its deadline
}

bool Core::close_longest_idle() {
  for (;;) {
    Session* oldest = nullptr;
    for (const auto& session : sessions) {
      if (!session->idle()) continue;
      if (!oldest || session->idle_since() < oldest->idle_since()) oldest = session.get();
    }
    if (!oldest) return false;
    if (oldest->close_if_idle()) return true;  // else a request has just come: it is served
  }
}

void Core::close(Session& session) {
  auto& place = sessions[session.index];
  auto closed = std::move(place);
  if (&place != &sessions.back()) {
    place = std::move(sessions.back());
    place->index = session.index;
  }
  sessions.pop_back();
  reactor.bury(std::move(closed));
  if (drained() && on_drained) on_drained();
}

void Core::keep(std::unique_ptr<Upstream> upstream) {
  auto& idle = upstream->replica->idle;
  if (idle.size() >= limits::ingress_idle_per_replica_max) {
    upstream->stream.close();
    reactor.bury(std::move(upstream));
    return;
  }
  upstream->in.clear();
  reactor.wheel().arm(*upstream, reactor.now() + limits::ingress_idle_timeout);
  idle.push_back(std::move(upstream));
}

void Core::drop(Upstream& upstream) {
  auto& idle = upstream.replica->idle;
  const auto found = std::find_if(idle.begin(), idle.end(),
                                  [&](const auto& kept) { return kept.get() == &upstream; });
  if (found == idle.end()) return;
  upstream.stream.close();
  Wheel::disarm(upstream);
  auto dropped = std::move(*found);
  idle.erase(found);
  reactor.bury(std::move(dropped));
}

void Core::drain() {
  for (const auto& listener : listeners) listener->close_when_empty();
  draining = true;
  drain_began = reactor.now();
  // Whose turn closes it moves another into its place, from behind.
  for (std::size_t i = sessions.size(); i-- > 0;) {
    if (i < sessions.size() && sessions[i]->idle()) sessions[i]->pump();  // it has a new deadline
  }
  if (drained() && on_drained) on_drained();
}

}  // namespace cube::ingress
