#include "http/session.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/assert.h"
#include "base/limits.h"
#include "http/origin_check.h"
#include "http/responder.h"

namespace cube::http {

namespace {

constexpr std::size_t body_piece_bytes = 16 * 1024;

void release(std::string& text) {
  std::string().swap(text);
}

std::int64_t now_s() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

std::string peer_of(const asio::ip::tcp::socket& socket) {
  error_code ec;
  auto address = socket.remote_endpoint(ec).address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  }
  return ec ? "" : address.to_string();
}

}  // namespace

void Hub::add(std::shared_ptr<Session> session) {
  sessions.insert(std::move(session));
  count = sessions.size();
}

void Hub::remove(const std::shared_ptr<Session>& session) {
  sessions.erase(session);
  count = sessions.size();
}

bool Hub::close_longest_idle() {
  std::shared_ptr<Session> longest;
  for (const auto& session : sessions) {
    if (!session->idle()) continue;
    if (!longest || session->idle_since() < longest->idle_since()) longest = session;
  }
  if (!longest) return false;
  longest->close();
  return true;
}

void Hub::make_room(const Session* asking) {
  if (std::exchange(makes_room, true)) return;
  while (held_bytes > options.held_bytes_max) {
    std::shared_ptr<Session> stillest;
    for (const auto& session : sessions) {
      if (session.get() == asking || !session->still_since()) continue;
      if (!stillest || session->still_since() < stillest->still_since()) stillest = session;
    }
    if (!stillest) break;
    stillest->let_go();
  }
  makes_room = false;
}

void Hub::close_all() {
  const auto all = std::exchange(sessions, {});
  for (const auto& session : all) session->abandon();
  count = 0;
  handler = nullptr;
}

Session::Session(asio::ip::tcp::socket socket, std::shared_ptr<Hub> hub)
    : socket_(std::move(socket)),
      hub_(std::move(hub)),
      timer_(socket_.get_executor()),
      peer_(peer_of(socket_)) {
  error_code ignored;  // the first read tells what is wrong with the socket
  socket_.non_blocking(true, ignored);
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
}

void Session::start() {
  idle_since_ = std::chrono::steady_clock::now();
  arm(hub_->options.header_timeout);  // who connects has something to say
  wait_for_bytes();
}

void Session::refuse() {
  refuse_request({503, "too many connections (" + std::to_string(hub_->options.connections_max) +
                           "), try again later"});
}

void Session::close() {
  if (std::exchange(phase_, Phase::closed) == Phase::closed) return;
  const auto self = shared_from_this();  // the hub's may be the last but this
  error_code ignored;
  timer_.cancel();
  socket_.close(ignored);
  hub_->held_bytes -= std::exchange(held_bytes_, 0);
  hub_->remove(self);
  if (auto stream = std::exchange(stream_, nullptr)) stream->set_gone();
}

void Session::abandon() {
  if (stream_) stream_->forget_callbacks();
  close();
}

void Session::wait_for_bytes() {
  if (std::exchange(waiting_, true)) return;
  socket_.async_wait(socket_.wait_read, [self = shared_from_this()](error_code ec) {
    self->waiting_ = false;
    if (self->phase_ == Phase::closed) return;
    if (ec) return self->close();
    self->on_readable();
  });
}

void Session::on_readable() {
  // Nothing is read while a request is answered; whoever wants to read then waits anew.
  if (phase_ == Phase::handling || phase_ == Phase::replying) return;
  auto& scratch = hub_->loop.scratch;
  error_code ec;
  // Of a body little at a time: many large ones must not keep small requests waiting for long.
  const std::size_t most = phase_ == Phase::body ? body_piece_bytes : scratch.size();
  const std::size_t n = socket_.read_some(asio::buffer(scratch, most), ec);
  if (ec == asio::error::would_block) return wait_for_bytes();
  if (ec) return close();  // the client has closed or is gone
  if (phase_ == Phase::streaming || phase_ == Phase::lingering) return wait_for_bytes();
  in_.append(scratch.data(), n);
  moved(n);
  read_on();
}

void Session::read_on() {
  if (!parser_) {
    const auto& options = hub_->options;
    parser_ = std::make_unique<RequestParser>(options.header_bytes_max, options.body_bytes_max);
    phase_ = Phase::head;
    arm(options.header_timeout);
    moved(limits::http_progress_bytes);
  }
  in_.erase(0, parser_->feed(in_));
  account();
  switch (parser_->state()) {
    case RequestParser::State::head:
      return wait_for_bytes();
    case RequestParser::State::body:
      if (std::exchange(phase_, Phase::body) == Phase::body) return wait_for_bytes();
      if (!parser_->expects_continue() || !in_.empty()) return await_body();
      return send("HTTP/1.1 100 Continue\r\n\r\n", "", &Session::await_body);
    case RequestParser::State::done:
      return dispatch();
    case RequestParser::State::refused:
      return refuse_request(parser_->refusal());
  }
}

void Session::await_body() {
  arm(hub_->options.body_timeout);
  wait_for_bytes();
}

void Session::dispatch() {
  disarm();
  phase_ = Phase::handling;
  auto request = parser_->take();
  http11_ = parser_->http11();
  keep_alive_ = parser_->keep_alive();
  parser_.reset();
  if (in_.empty()) release(in_);
  account();
  to_head_ = request.method == "HEAD";
  request.peer = peer_;
  if (auto refusal = check_origin(request, hub_->loopback_only)) return refuse_request(*refusal);
  const auto handler = hub_->handler;  // it lives on if this request ends the server
  (*handler)(std::move(request), make_responder(weak_from_this(), hub_->loop.mailbox));
}

void Session::refuse_request(const Refusal& refusal) {
  phase_ = Phase::handling;
  keep_alive_ = false;
  reply(error_response(refusal.status, refusal.message));
}

void Session::reply(Response response) {
  if (phase_ != Phase::handling) return;  // closed
  phase_ = Phase::replying;
  auto head = reply_head(response, {Framing::content_length, http11_, !keep_alive_, now_s()});
  if (to_head_ || !status_has_body(response.status)) response.body.clear();
  send(std::move(head), std::move(response.body),
       keep_alive_ ? &Session::next_request : &Session::linger);
}

void Session::begin_stream(Response head, std::shared_ptr<StreamState> stream) {
  if (phase_ != Phase::handling) return stream->set_gone();
  keep_alive_ = false;  // simpler than to tell later requests from a hang-up
  if (to_head_ || !status_has_body(head.status)) {
    phase_ = Phase::replying;
    stream->set_gone();
    return send(reply_head(head, {Framing::none, http11_, true, now_s()}), "", &Session::linger);
  }
  phase_ = Phase::streaming;
  stream_ = std::move(stream);
  // Little in the kernel for each slow client, and its progress is seen in small steps.
  const int unsent_bytes_max = limits::http_stream_unsent_bytes_max;
  ::setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_bytes_max,
               sizeof unsent_bytes_max);
  const auto framing = http11_ ? Framing::chunked : Framing::until_close;
  send(reply_head(head, {framing, http11_, true, now_s()}), "", &Session::flush_stream);
  wait_for_bytes();  // to see the client hang up
}

void Session::flush_stream() {
  if (phase_ != Phase::streaming) return;
  if (stream_->overflowed()) return close();
  account();
  if (after_write_) return;  // comes back when that is written
  auto batch = stream_->take();
  if (!batch.bytes.empty()) {
    std::string out;
    if (http11_) append_chunk(out, batch.bytes);
    return send(http11_ ? std::move(out) : std::move(batch.bytes), "", &Session::batch_sent);
  }
  if (!batch.last) return disarm();
  if (!batch.whole) return close();
  if (!http11_) return linger();
  send("0\r\n\r\n", "", &Session::linger);
}

void Session::batch_sent() {
  const auto stream = stream_;  // the writer may end all when it is told
  stream->sent();
  flush_stream();
}

void Session::next_request() {
  phase_ = Phase::idle;
  idle_since_ = std::chrono::steady_clock::now();
  if (!in_.empty()) return read_on();  // the client sent it ahead
  arm(hub_->options.idle_timeout);
  wait_for_bytes();
}

void Session::linger() {
  phase_ = Phase::lingering;
  stream_.reset();
  parser_.reset();
  release(in_);
  account();
  error_code ec;
  socket_.shutdown(socket_.shutdown_send, ec);
  if (ec) return close();
  arm(limits::http_linger);
  wait_for_bytes();
}

void Session::send(std::string head, std::string body, void (Session::*then)()) {
  out_ = {std::move(head), std::move(body)};
  written_ = 0;
  after_write_ = then;
  moved(limits::http_progress_bytes);
  account();
  if (phase_ == Phase::closed) return;
  write_more();
}

void Session::write_more() {
  // For a piece of it: slow is fine, standing still is not.
  arm(phase_ == Phase::streaming ? hub_->options.stream_timeout : hub_->options.body_timeout);
  const std::size_t of_head = std::min(written_, out_[0].size());
  const std::size_t of_body = written_ - of_head;
  const std::array<asio::const_buffer, 2> rest = {
      asio::buffer(out_[0].data() + of_head, out_[0].size() - of_head),
      asio::buffer(out_[1].data() + of_body, out_[1].size() - of_body)};
  socket_.async_write_some(rest, [self = shared_from_this()](error_code ec, std::size_t n) {
    if (self->phase_ == Phase::closed) return;
    if (ec) return self->close();
    self->written_ += n;
    self->moved(n);
    if (self->written_ < self->out_[0].size() + self->out_[1].size()) return self->write_more();
    for (auto& text : self->out_) release(text);
    self->account();
    self->disarm();
    (*self.*std::exchange(self->after_write_, nullptr))();
  });
}

void Session::moved(std::size_t bytes) {
  moved_bytes_ += bytes;
  if (moved_bytes_ < limits::http_progress_bytes) return;
  moved_bytes_ = 0;
  progress_ = std::chrono::steady_clock::now();
}

void Session::account() {
  const std::size_t received = in_.size() + (parser_ ? parser_->body_bytes() : 0);
  const std::size_t unsent = stream_ ? stream_->waiting_bytes() : out_[0].size() + out_[1].size();
  hub_->held_bytes += received + unsent - held_bytes_;
  held_bytes_ = received + unsent;
  if (hub_->held_bytes > hub_->options.held_bytes_max) hub_->make_room(this);
}

std::optional<std::chrono::steady_clock::time_point> Session::still_since() const {
  if (held_bytes_ == 0) return std::nullopt;
  switch (phase_) {
    case Phase::head:
    case Phase::body:
      return progress_;
    case Phase::replying:
    case Phase::streaming: {
      const auto now = std::chrono::steady_clock::now();
      if (now - progress_ < limits::http_reply_still_max) return std::nullopt;
      return progress_;
    }
    case Phase::idle:
    case Phase::handling:
    case Phase::lingering:
    case Phase::closed:
      return std::nullopt;
  }
  CUBE_UNREACHABLE();
}

void Session::let_go() {
  if (phase_ != Phase::head && phase_ != Phase::body) return close();
  if (after_write_) return close();  // "100 Continue" is still on its way
  parser_.reset();
  release(in_);
  refuse_request({503, "too much is being sent to this daemon at once, try again later"});
}

void Session::arm(Duration d) {
  timer_.expires_after(d);
  timer_.async_wait([weak = weak_from_this()](error_code ec) {
    auto self = weak.lock();
    if (ec || !self) return;
    // It may have been armed anew when this was already on its way.
    if (self->timer_.expiry() <= std::chrono::steady_clock::now()) self->on_deadline();
  });
}

void Session::disarm() {
  timer_.expires_at(std::chrono::steady_clock::time_point::max());
}

void Session::on_deadline() {
  switch (phase_) {
    case Phase::head:
      return refuse_request({408, "the header did not come in time"});
    case Phase::body:
      if (after_write_) return close();  // not even "100 Continue" was taken
      return refuse_request({408, "the body did not come in time"});
    case Phase::idle:
    case Phase::replying:
    case Phase::streaming:
    case Phase::lingering:
      return close();
    case Phase::handling:  // the handler may take as long as it likes
    case Phase::closed:
      return;
  }
}

}  // namespace cube::http
