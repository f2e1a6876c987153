// The half of a session that brings a reply to the client.

#include <fmt/format.h>

#include "api/json_writer.h"
#include "http/wire.h"
#include "ingress/core.h"
#include "ingress/service.h"
#include "ingress/session.h"

namespace cube::ingress {

bool Session::read_reply() {
  if (!ex_.upstream || !connected()) return false;
  Stream& replica = ex_.upstream->stream;
  if (client_.waits() || !replica.readable()) return false;
  std::size_t size = 0;
  switch (replica.read(core_.reactor.scratch(), Reactor::scratch_bytes, size)) {
    case Stream::Got::nothing:
      return false;
    case Stream::Got::bytes:
      return reply_bytes({core_.reactor.scratch(), size});
    case Stream::Got::end:
      upstream_closed(true);
      break;
    case Stream::Got::error:
      upstream_closed(false);
      break;
  }
  return phase_ != Phase::closed;
}

bool Session::connected() {
  if (ex_.upstream->connecting) return false;
  const int error = ex_.upstream->connect_error;
  if (error == 0) return true;
  attempt_failed(
      {503, error == ECONNREFUSED ? "refused the connection" : "cannot be reached", true, true});
  return false;
}

void Session::upstream_closed(bool at_end) {
  if (ex_.reply_begun) {
    if (at_end && ex_.reply.until_close()) return finish();
    return cut(502, "the replica closed the connection in mid-reply", true);
  }
  attempt_failed({502,
                  at_end ? "closed the connection before it answered"
                         : "broke the connection before it answered",
                  true, true});
}

bool Session::reply_bytes(std::string_view bytes) {
  ex_.progress = core_.reactor.now();
  if (ex_.reply_begun) {
    pass_reply({}, bytes);
    return phase_ != Phase::closed;
  }
  std::string& in = ex_.upstream->in;
  if (!in.empty()) {
    in += bytes;
    bytes = in;
  }
  for (;;) {
    auto refusal = ex_.reply_scanner.scan(bytes);
    const std::size_t end = ex_.reply_scanner.end();
    if (!refusal && end == 0) {
      if (in.empty()) in.assign(bytes);
      return true;
    }
    ReplyHead head;
    if (!refusal) refusal = read_reply_head(bytes.substr(0, end), head);
    if (refusal) {
      attempt_failed({502, "answered what is not HTTP", false, true});
      return phase_ != Phase::closed;
    }
    if (head.facts.status / 100 == 1 && head.facts.status != 101) {
      if (!interim(head)) return false;
      const std::string rest(bytes.substr(end));
      in = rest;
      ex_.reply_scanner =
          http::HeadScanner(limits::ingress_reply_head_bytes_max, http::HeadScanner::Of::reply);
      if (in.empty()) return true;
      bytes = in;
      continue;
    }
    begin_reply(head, bytes.substr(end));
    return phase_ != Phase::closed;
  }
}

// "100 Continue", "103 Early Hints": passed on to whoever knows them.
bool Session::interim(const ReplyHead& head) {
  if (!ex_.http11 || (head.facts.status == 100 && !ex_.expects_continue)) return true;
  core_.head_out.clear();
  write_reply(core_.head_out, head, {});
  if (client_.send(core_.head_out)) return true;
  vanish();
  return false;
}

void Session::begin_reply(const ReplyHead& head, std::string_view rest) {
  const int status = head.facts.status;
  if (status == 101) {
    if (ex_.websocket && head.websocket) return begin_tunnel(head, rest);
    return attempt_failed({502, "changed the protocol unasked", false, true});
  }
  ex_.upstream->replica->health.succeeded();
  ex_.status = status;
  ex_.reply_begun = true;
  ex_.upstream_keeps = head.keep_alive;
  ReplyChanges changes;
  using Framing = BodyReader::Framing;
  bool until_close = false;
  if (ex_.to_head || status == 204 || status == 304) {
    ex_.reply = BodyReader();
    changes.drop_length = status == 204;
    changes.chunked = head.facts.chunked && ex_.to_head && ex_.http11;
  } else if (head.facts.chunked) {
    ex_.reply = BodyReader(Framing::chunked, 0, !ex_.http11);
    changes.chunked = ex_.http11;
    until_close = !ex_.http11;
  } else if (head.facts.content_length) {
    ex_.reply = BodyReader(Framing::length, *head.facts.content_length);
  } else {
    ex_.reply = BodyReader(Framing::until_close, 0);
    until_close = true;
  }
  ex_.hard_cut = until_close;
  // A reply before the end of the request: the rest of that is read, and means nothing.
  ex_.close_after = until_close || !ex_.keep_alive || !ex_.body.done() || core_.draining;
  changes.close = ex_.close_after;
  changes.say_keep_alive = !ex_.close_after && !ex_.http11;
  core_.head_out.clear();
  write_reply(core_.head_out, head, changes);
  pass_reply(core_.head_out, rest);
}

void Session::begin_tunnel(const ReplyHead& head, std::string_view rest) {
  ex_.upstream->replica->health.succeeded();
  ex_.status = 101;
  ex_.reply_begun = true;
  core_.head_out.clear();
  write_reply(core_.head_out, head, {});
  phase_ = Phase::tunnel;
  ex_.bytes_out += rest.size();
  client_.send(core_.head_out, rest);
}

// Passes on what belongs to the reply, behind `head`.
void Session::pass_reply(std::string_view head, std::string_view bytes) {
  const auto part = ex_.reply.feed(bytes, core_.body_store);
  ex_.bytes_out += part.pass.size();
  if (!client_.send(head, part.pass)) return vanish();
  if (part.error) return cut(502, part.error, true);
  if (!ex_.reply.done()) return;
  if (part.count < bytes.size()) ex_.upstream_keeps = false;  // it says more than it was asked
  finish();
}

// An answer of our own.
void Session::answer(int status, std::string_view message, std::string_view more_headers) {
  ex_.status = status;
  ex_.entry.reason = message;
  ex_.close_after = !ex_.keep_alive || !ex_.body.done() || core_.draining;
  std::string& out = core_.head_out;
  std::string json = fmt::format(R"({{"HTTPStatusCode":{},"Message":)", status);
  api::append_json_string(json, message);
  json += "}";
  out.clear();
  fmt::format_to(
      std::back_inserter(out),
      "HTTP/1.1 {} {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{}{}\r\n", status,
      http::status_text(status), json.size(), more_headers,
      ex_.close_after ? "Connection: close\r\n"
      : !ex_.http11   ? "Connection: keep-alive\r\n"
                      : "");
  if (!ex_.to_head) ex_.bytes_out += json.size();
  const bool sent = client_.send(out, ex_.to_head ? std::string_view() : std::string_view(json));
  finish();
  if (!sent) close();
}

// The reply is on its way: the connections are free for the next request.
void Session::finish() {
  record();
  if (ex_.upstream) {
    const Stream& stream = ex_.upstream->stream;
    const bool whole = ex_.reply.done() && ex_.body.done() && !stream.waits() && !stream.broken() &&
                       !stream.ended() && !ex_.body_lost;
    release_upstream(whole && ex_.upstream_keeps);
  }
  if (ex_.service) --ex_.service->in_flight;
  ex_.service.reset();
  if (ex_.close_after) return linger();
  phase_ = Phase::idle;
  since_ = core_.reactor.now();
}

// The reply cannot go on: the client must not take what it has for the whole.
void Session::cut(int status, std::string_view reason, bool blames) {
  if (!ex_.reply_begun) ex_.status = status;
  if (ex_.reply_begun && ex_.service && status != 101) ++ex_.service->cut;
  ex_.entry.reason = reason;
  record();
  if (ex_.upstream) {
    Replica& replica = *ex_.upstream->replica;
    if (blames) {
      ++replica.failures;
      if (replica.health.failed(core_.reactor.now())) ++replica.ejections;
    }
    release_upstream(false);
  }
  if (ex_.service) --ex_.service->in_flight;
  ex_.service.reset();
  if (ex_.hard_cut) client_.close_hard();
  close();
}

void Session::record() {
  const Duration took = core_.reactor.now() - ex_.began;
  if (ex_.service) {
    Service& service = *ex_.service;
    service.count_code(ex_.status);
    service.bytes_in += ex_.bytes_in;
    service.bytes_out += ex_.bytes_out;
    if (ex_.status != 101) service.times.add(took);
  }
  if (!core_.access_log.on()) return;
  core_.access_log.write(ex_.entry,
                         {peer_, ex_.status, ex_.bytes_in, ex_.bytes_out, ex_.attempts, took});
}

}  // namespace cube::ingress
