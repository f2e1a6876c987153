#include "ingress/session.h"

#include <algorithm>

#include "ingress/core.h"
#include "ingress/service.h"

namespace cube::ingress {

namespace {

constexpr int steps_max = 16;  // of one session, before others have their turn
// When the ingress is told to end, a request may be on its way on any connection that is idle: for
// so long one is still served.
constexpr Duration drain_grace = 1s;

}  // namespace

Session::Session(Core& core, int fd, std::string peer, Door door)
    : core_(core), client_(fd), peer_(std::move(peer)), door_(door), since_(core.reactor.now()) {}

Session::~Session() = default;

void Session::on_ready(std::uint32_t events) {
  client_.note(events);
  pump();
}

void Session::close() {
  if (phase_ == Phase::closed) return;
  if (ex_.upstream) release_upstream(false);
  if (ex_.service) --ex_.service->in_flight;
  ex_.service.reset();
  phase_ = Phase::closed;
  client_.close();
  Wheel::disarm(*this);
  core_.close(*this);
}

void Session::pump() {
  for (int steps = 0; phase_ != Phase::closed && step(); ++steps) {
    if (steps < steps_max) continue;
    core_.reactor.again(*this);
    break;
  }
  if (phase_ != Phase::closed) set_deadline();
}

// One move, in whatever direction something can move. False: there is nothing to do but wait.
bool Session::step() {
  if (phase_ == Phase::closed) return false;
  if (client_.broken() || (client_.waits() && !client_.flush())) {
    vanish();
    return false;
  }
  switch (phase_) {
    case Phase::idle:
    case Phase::head:
      return read_head();
    case Phase::exchange: {
      const bool moved = send_body();
      return phase_ == Phase::exchange ? read_reply() || moved : moved;
    }
    case Phase::tunnel:
      return tunnel();
    case Phase::lingering:
      return drain();
    case Phase::closed:
      break;
  }
  return false;
}

bool Session::read_head() {
  if (client_.waits()) return false;  // it does not take its replies: no more requests of it
  if (unread_) {                      // what came behind the request before
    unread_ = false;
    return take_head(in_, true);
  }
  if (!client_.readable()) return false;
  std::size_t size = 0;
  switch (client_.read(core_.reactor.scratch(), Reactor::scratch_bytes, size)) {
    case Stream::Got::nothing:
      return false;
    case Stream::Got::end:
    case Stream::Got::error:
      close();
      return false;
    case Stream::Got::bytes:
      break;
  }
  const std::string_view bytes(core_.reactor.scratch(), size);
  if (in_.empty()) return take_head(bytes, false);
  in_ += bytes;
  return take_head(in_, true);
}

// Looks for a whole head in `bytes`, which are in_ (`is_buffered`) or have just been read.
bool Session::take_head(std::string_view bytes, bool is_buffered) {
  if (phase_ == Phase::idle) {
    phase_ = Phase::head;
    since_ = core_.reactor.now();
  }
  if (auto refusal = scanner_.scan(bytes)) {
    ex_ = Exchange();
    ex_.began = since_;
    refuse(bytes, *refusal);
    return phase_ != Phase::closed;
  }
  const std::size_t end = scanner_.end();
  if (end == 0) {
    if (!is_buffered) in_.assign(bytes);
    return true;
  }
  scanner_ = http::HeadScanner(limits::http_header_bytes_max);
  std::size_t taken = 0;  // behind the head
  begin(bytes.substr(0, end), bytes.substr(end), taken);
  if (phase_ == Phase::closed) return false;
  if (is_buffered) {
    in_.erase(0, end + taken);
  } else {
    in_.assign(bytes.substr(end + taken));
  }
  unread_ = !in_.empty();
  attempt();
  return phase_ != Phase::closed;
}

void Session::set_deadline() {
  Instant deadline = Instant::never();
  switch (phase_) {
    case Phase::idle:
      deadline = core_.draining ? std::max(since_, core_.drain_began) + drain_grace
                                : since_ + core_.options.idle_timeout;
      break;
    case Phase::head:
      deadline = since_ + core_.options.header_timeout;
      break;
    case Phase::exchange: {
      const auto& rules = ex_.service->rules;
      if (ex_.upstream->connecting) {
        deadline = ex_.attempt_began + rules.connect_timeout;
      } else if (!ex_.reply_begun && ex_.body.done() && !ex_.upstream->stream.waits()) {
        deadline = ex_.progress + rules.response_timeout;
      } else {
        deadline = ex_.progress + rules.idle_timeout;
      }
      break;
    }
    case Phase::tunnel:
      deadline = ex_.progress + limits::ingress_tunnel_timeout;
      break;
    case Phase::lingering:
      deadline = since_ + (client_.waits() ? core_.options.idle_timeout : limits::http_linger);
      break;
    case Phase::closed:
      return;
  }
  core_.reactor.wheel().arm(*this, deadline);
}

void Session::on_deadline() {
  switch (phase_) {
    case Phase::head:
      ex_ = Exchange();
      ex_.began = since_;
      refuse(in_, {408, "the header did not come in time"});
      break;
    case Phase::exchange:
      if (ex_.upstream->connecting) {
        attempt_failed({503, "did not accept a connection in time", true, true});
      } else if (reader_moves()) {
        ex_.progress = core_.reactor.now();
      } else if (client_.waits()) {
        cut(499, "the client takes nothing", false);
      } else if (ex_.reply_begun) {
        cut(504, "the replica fell silent in mid-reply", true);
      } else if (!ex_.body.done() && !ex_.upstream->stream.waits()) {
        ex_.keep_alive = false;
        release_upstream(false);
        answer(408, "the body did not come in time");
      } else {
        attempt_failed({504, "did not answer in time", false, true});
      }
      break;
    case Phase::tunnel:
      cut(101, "nothing moved for long", false);
      break;
    case Phase::idle:
      return end_idle();
    case Phase::lingering:
      if (!reader_moves()) return close();
      since_ = core_.reactor.now();
      break;
    case Phase::closed:
      return;
  }
  pump();
}

// Bytes that the kernel has are not the reader's yet: does it still take them, however slowly?
bool Session::reader_moves() {
  if (client_.waits()) return client_.took_more();
  return phase_ == Phase::exchange && ex_.upstream->stream.waits() &&
         ex_.upstream->stream.took_more();
}

// No request has come for long. One may have at this very moment: a close before it is read would
// reset it. What comes later finds this side ended, and is read and forgotten for a while.
void Session::end_idle() {
  if (client_.waits() && !client_.took_more()) return close();
  const Instant since = since_;
  if (client_.waits()) {
    since_ = core_.reactor.now();
  } else {
    client_.look();
  }
  pump();
  if (phase_ != Phase::idle || since_ != since) return;
  linger();
  set_deadline();
}

bool Session::close_if_idle() {
  client_.look();
  pump();
  if (!idle()) return phase_ == Phase::closed;
  client_.end_sending();
  close();
  return true;
}

void Session::vanish() {
  if (phase_ == Phase::tunnel) {
    cut(101, "", false);
  } else if (phase_ == Phase::exchange) {
    cut(499, "the client has gone", false);
  } else {
    close();
  }
}

// The last reply is out. A close now could be a reset, which would take the reply's end with it, if
// the client still sends: so the sending side is closed first, and what comes is read for a while.
void Session::linger() {
  phase_ = Phase::lingering;
  since_ = core_.reactor.now();
  in_.clear();
  unread_ = false;
  if (!client_.waits()) client_.end_sending();
}

bool Session::drain() {
  if (client_.waits()) return false;
  if (client_.end_sending()) since_ = core_.reactor.now();  // all is out now
  if (!client_.readable()) return false;
  std::size_t size = 0;
  switch (client_.read(core_.reactor.scratch(), Reactor::scratch_bytes, size)) {
    case Stream::Got::bytes:
      return true;
    case Stream::Got::nothing:
      return false;
    case Stream::Got::end:
    case Stream::Got::error:
      close();
      return false;
  }
  return false;
}

bool Session::tunnel() {
  Stream& replica = ex_.upstream->stream;
  if (replica.waits() && !replica.flush()) {
    cut(101, "", false);
    return false;
  }
  if (unread_) {  // what the client sent behind its request
    unread_ = false;
    ex_.bytes_in += in_.size();
    replica.send(in_);
    in_.clear();
  }
  const bool moved = tunnel_one(client_, replica, ex_.bytes_in);
  const bool moved_back = tunnel_one(replica, client_, ex_.bytes_out);
  const bool over = client_.ended() && replica.ended() && !client_.waits() && !replica.waits();
  if (over || client_.broken() || (replica.broken() && !replica.readable())) {
    cut(101, "", false);
    return false;
  }
  return moved || moved_back;
}

bool Session::tunnel_one(Stream& from, Stream& to, std::uint64_t& bytes) {
  if (to.waits() || !from.readable()) return false;
  std::size_t size = 0;
  switch (from.read(core_.reactor.scratch(), Reactor::scratch_bytes, size)) {
    case Stream::Got::bytes:
      ex_.progress = core_.reactor.now();
      bytes += size;
      to.send({core_.reactor.scratch(), size});
      return true;
    case Stream::Got::end:
      to.end_sending();
      return true;
    case Stream::Got::nothing:
    case Stream::Got::error:
      break;
  }
  return false;
}

}  // namespace cube::ingress
