// The half of a session that brings a request to a replica.

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "ingress/core.h"
#include "ingress/service.h"
#include "ingress/session.h"

namespace cube::ingress {

namespace {

// So much of a request is kept, for another replica; what is longer cannot be sent twice.
constexpr std::size_t replay_bytes_max = 32 * 1024;

std::string_view words(int error) {
  switch (error) {
    case ECONNREFUSED:
      return "refused the connection";
    case EHOSTUNREACH:
    case ENETUNREACH:
      return "cannot be reached";
    case EMFILE:
    case ENFILE:
      return "was not asked: no file descriptor is left here";
    default:
      return "could not be connected to";
  }
}

bool is_of_the_replica(int error) {
  return error != EMFILE && error != ENFILE && error != ENOBUFS && error != ENOMEM &&
         error != EADDRNOTAVAIL;
}

}  // namespace

// Reads the head and finds out whom it is for. `rest` is what came behind it; `taken` says how much
// of that belongs to this request. Leaves the request ready for attempt(), or answers it.
void Session::begin(std::string_view head, std::string_view rest, std::size_t& taken) {
  std::string spare = std::move(ex_.request);
  auto tried = std::move(ex_.tried);
  ex_ = Exchange();
  ex_.request = std::move(spare);
  ex_.request.clear();
  ex_.tried = std::move(tried);
  ex_.tried.clear();
  ex_.began = ex_.progress = core_.reactor.now();
  RequestHead request;
  if (auto refusal = read_request(head, request)) {
    return refuse(head, *refusal);
  }
  ex_.http11 = request.facts.http11;
  ex_.keep_alive = request.keep_alive;
  ex_.to_head = request.to_head;
  ex_.idempotent = request.idempotent;
  ex_.websocket = request.websocket;
  ex_.expects_continue = request.facts.expects_continue;
  if (core_.access_log.on()) note_entry(request);
  const std::string_view body = begin_body(request, rest, taken);
  if (phase_ != Phase::head) return;  // answered: its framing is wrong
  const Route* route = core_.routes.match(door_.service_port, request.host, request.path);
  if (!route) {
    ++core_.unrouted;
    if (core_.version.empty()) return answer(503, "the ingress has no routes from its manager yet");
    return answer(404, "no service has this host and path");
  }
  ex_.service = core_.services[route->service];
  Service& service = *ex_.service;
  ++service.requests;
  ++service.in_flight;
  if (core_.access_log.on()) ex_.entry.service = service.name;
  const std::string_view prefix = route->strip ? std::string_view(route->prefix) : "";
  if (service.rate_limit) {
    if (const auto wait = service.rate_limit->take(rate_client(peer_), ex_.began)) {
      ++service.limited;
      return answer(
          429,
          fmt::format("more than {} requests within {} from {}", service.rules.rate_limit.requests,
                      format_duration(service.rules.rate_limit.per), peer_),
          fmt::format("Retry-After: {}\r\n", (wait->count() + 999'999) / 1'000'000));
    }
  }
  // Behind the limit: what a service never sees is no reason for more replicas of it.
  if (is_counted(request.path.substr(prefix.size()))) ++service.counted;
  write_request(ex_.request, request, {prefix, peer_, service.name, door_.port});
  ex_.request += body;
  ex_.retries_left = service.rules.retries;
  phase_ = Phase::exchange;
}

// An answer to what is no request. `head` is as much as has come of it.
void Session::refuse(std::string_view head, const http::Refusal& refusal) {
  ++core_.bad_requests;
  ex_.keep_alive = false;
  if (core_.access_log.on()) note_entry(read_refused(head));
  answer(refusal.status, refusal.message);
}

// The framing of the body, and what is there of it.
std::string_view Session::begin_body(const RequestHead& head, std::string_view rest,
                                     std::size_t& taken) {
  const auto framing =
      head.facts.chunked ? BodyReader::Framing::chunked : BodyReader::Framing::length;
  ex_.body = BodyReader(framing, head.facts.content_length);
  if (ex_.body.done() || rest.empty()) return {};
  const auto part = ex_.body.feed(rest, core_.body_store);
  taken = part.count;
  ex_.bytes_in += part.pass.size();
  if (!part.error) return part.pass;
  ++core_.bad_requests;
  ex_.keep_alive = false;
  answer(400, part.error);
  return {};
}

void Session::note_entry(const RequestHead& head) {
  ex_.entry.method = head.method;
  ex_.entry.target = head.path;
  ex_.entry.target += head.query;
  ex_.entry.host = head.host;
  ex_.entry.user_agent = head.user_agent;
}

// `path`: as the replica sees it, for that is what its owner knows.
bool Session::is_counted(std::string_view path) const {
  const auto& not_counted = ex_.service->rules.not_counted;
  return std::none_of(not_counted.begin(), not_counted.end(),
                      [path](const auto& prefix) { return is_below(path, prefix); });
}

// Sends the request to one replica after the other until one takes it.
void Session::attempt() {
  while (phase_ == Phase::exchange && !ex_.upstream) {
    const bool only_once = !ex_.idempotent || !ex_.replayable;
    const auto chosen = ex_.service->choose(ex_.tried, core_.reactor.now(), only_once);
    if (!chosen) {
      if (ex_.failure_status != 0) return answer(ex_.failure_status, ex_.failure_message);
      const Service& service = *ex_.service;
      if (service.reason.empty()) {
        return answer(503, fmt::format("no replica of {} is ready", service.name));
      }
      return answer(503,
                    fmt::format("no replica of {} is reached: {}", service.name, service.reason));
    }
    if (start_attempt(*chosen)) return;
  }
}

// False: it has failed already, and another attempt may follow.
bool Session::start_attempt(std::size_t chosen) {
  const std::shared_ptr<Replica>& replica = ex_.service->replicas[chosen];
  ex_.tried.push_back(replica.get());
  ++ex_.attempts;
  ex_.attempt_began = ex_.progress = core_.reactor.now();
  ++replica->requests;
  replica->health.chosen(ex_.attempt_began);
  if (core_.access_log.on()) {
    ex_.entry.replica = replica->spec.address;
  }
  while (!ex_.fresh_only && !replica->idle.empty() && !ex_.upstream) {
    ex_.upstream = std::move(replica->idle.back());
    replica->idle.pop_back();
    Wheel::disarm(*ex_.upstream);
    // What cannot be sent twice goes on no connection that is closed by now.
    if ((ex_.idempotent && ex_.body.done()) || ex_.upstream->quiet()) continue;
    ex_.upstream->stream.close();
    core_.reactor.bury(std::move(ex_.upstream));
  }
  if (ex_.upstream) {
    ++core_.reuses;
    ex_.upstream->reused = true;
  } else {
    ex_.upstream = Upstream::connect(core_, replica);
  }
  ex_.reply_scanner =
      http::HeadScanner(limits::ingress_reply_head_bytes_max, http::HeadScanner::Of::reply);
  ++replica->in_flight;
  if (!ex_.upstream) {
    const int why = errno;
    replica->health.undecided();
    if (is_of_the_replica(why)) {
      ++replica->failures;
      if (replica->health.failed(core_.reactor.now())) ++replica->ejections;
    }
    if (--replica->in_flight == 0 && replica->leaving) core_.replica_idle(*replica);
    ex_.failure_status = 503;
    ex_.failure_message = fmt::format("a replica of {} {}", ex_.service->name, words(why));
    if (ex_.retries_left > 0) {
      --ex_.retries_left;
      ++ex_.service->retries;
      return false;
    }
    answer(ex_.failure_status, ex_.failure_message);
    return true;
  }
  ex_.upstream->owner = this;
  ex_.sent_before = ex_.upstream->stream.sent_bytes();
  ex_.upstream->stream.send(ex_.request);  // a failure is seen when it is read
  return true;
}

// Brings more of the body to the replica.
bool Session::send_body() {
  Stream& replica = ex_.upstream->stream;
  if (ex_.upstream->connecting) return false;
  if (replica.waits()) {
    const auto before = replica.sent_bytes();
    replica.flush();
    if (replica.sent_bytes() == before) return false;
    ex_.progress = core_.reactor.now();
    return true;
  }
  if (ex_.body.done() || ex_.body_lost) return false;
  if (unread_) {
    unread_ = false;
    std::size_t taken = 0;
    forward_body(in_, taken);
    in_.erase(0, std::min(taken, in_.size()));
    unread_ = !in_.empty();
    return true;
  }
  if (!client_.readable()) return false;
  std::size_t size = 0;
  switch (client_.read(core_.reactor.scratch(), Reactor::scratch_bytes, size)) {
    case Stream::Got::bytes:
      break;
    case Stream::Got::nothing:
      return false;
    case Stream::Got::end:
    case Stream::Got::error:
      vanish();
      return false;
  }
  const std::string_view bytes(core_.reactor.scratch(), size);
  std::size_t taken = 0;
  forward_body(bytes, taken);
  if (phase_ == Phase::exchange && taken < size) {
    in_.assign(bytes.substr(taken));
    unread_ = true;
  }
  return true;
}

void Session::forward_body(std::string_view bytes, std::size_t& taken) {
  const auto part = ex_.body.feed(bytes, core_.body_store);
  taken = part.count;
  ex_.bytes_in += part.pass.size();
  ex_.progress = core_.reactor.now();
  if (part.error) {
    ++core_.bad_requests;
    if (ex_.reply_begun) return cut(400, part.error, false);
    ex_.keep_alive = false;
    release_upstream(false);
    return answer(400, part.error);
  }
  if (ex_.replayable && ex_.request.size() + part.pass.size() <= replay_bytes_max) {
    ex_.request += part.pass;
  } else if (ex_.replayable) {
    ex_.replayable = false;
    ex_.request = std::string();
  }
  // A replica may have answered and closed before it has read all: its answer is what counts.
  if (!ex_.upstream->stream.send(part.pass)) ex_.body_lost = true;
}

// The attempt has ended without a reply: another replica, or an answer of our own.
void Session::attempt_failed(const Failure& failure) {
  Upstream& upstream = *ex_.upstream;
  Replica& replica = *upstream.replica;
  const bool nothing_sent = upstream.stream.sent_bytes() == ex_.sent_before;
  // A kept connection that was closed while the request was on its way says nothing about the
  // replica: it is asked again, on a new one.
  const bool was_stale = upstream.reused && upstream.in.empty() && failure.may_retry;
  if (failure.blames && !was_stale) {
    ++replica.failures;
    if (replica.health.failed(core_.reactor.now())) {
      ++replica.ejections;
      core_.say(
          LogLevel::warn, "ingress.ejected",
          fmt::format("{} of {}: {}", replica.spec.address, ex_.service->name, failure.reason));
    }
  }
  ex_.failure_status = failure.status;
  ex_.failure_message = fmt::format("a replica of {} {}", ex_.service->name, failure.reason);
  release_upstream(false);
  const bool may_send_again = ex_.replayable && (nothing_sent || ex_.idempotent);
  const bool again = failure.may_retry && may_send_again && (was_stale || ex_.retries_left > 0);
  if (!again) return answer(ex_.failure_status, ex_.failure_message);
  if (was_stale) {
    ex_.tried.pop_back();
    ex_.fresh_only = true;
  } else {
    --ex_.retries_left;
  }
  ++ex_.service->retries;
  attempt();
}

// Gives the connection back to its replica, or closes it.
void Session::release_upstream(bool reuse) {
  auto upstream = std::move(ex_.upstream);
  upstream->owner = nullptr;
  Replica& replica = *upstream->replica;
  replica.health.undecided();
  const bool last = --replica.in_flight == 0 && replica.leaving;
  const auto kept_alive = upstream->replica;
  if (reuse && !replica.leaving) {
    core_.keep(std::move(upstream));
  } else {
    upstream->stream.close();
    core_.reactor.bury(std::move(upstream));
  }
  if (last) core_.replica_idle(replica);
}

}  // namespace cube::ingress
