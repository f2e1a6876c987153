#pragma once
// Internal to the proxy: `Session`, a client's connection and the one request that is on it.
//
// A session is pumped whenever either of its two sockets can do something, until neither can. It
// reads from one side only when the other has taken everything, so that it holds no more than one
// read of each direction, however long a body is and however slow its reader.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/head_check.h"
#include "ingress/access_log.h"
#include "ingress/body.h"
#include "ingress/head.h"
#include "ingress/limits.h"
#include "ingress/reactor.h"
#include "ingress/stream.h"
#include "ingress/upstream.h"
#include "ingress/wheel.h"

namespace cube::ingress {

struct Core;
struct Route;
struct Service;

// Which port a connection came to.
struct Door {
  std::uint16_t service_port = 0;  // 0: the common listener
  std::uint16_t port = 0;          // the real one
};

// One request and its reply, with all its attempts.
struct Exchange {
  std::shared_ptr<Service> service;
  std::string request;     // what has been sent so far, while it could be sent again
  bool replayable = true;  // `request` is all of that
  bool idempotent = false, to_head = false, websocket = false, http11 = true, keep_alive = true;
  bool expects_continue = false;
  BodyReader body;         // of the request
  bool body_lost = false;  // the replica takes no more of it
  std::unique_ptr<Upstream> upstream;
  std::vector<const struct Balanced*> tried;
  std::uint32_t attempts = 0, retries_left = 0;
  int failure_status = 0;  // of the last attempt; 0: none has failed
  std::string failure_message;
  std::uint64_t sent_before = 0;  // by the connection, for others
  bool fresh_only = false;        // a kept connection has just failed: no other of those
  http::HeadScanner reply_scanner{limits::ingress_reply_head_bytes_max,
                                  http::HeadScanner::Of::reply};
  BodyReader reply;
  bool reply_begun = false;     // its head is on its way to the client
  bool upstream_keeps = false;  // the replica lets the connection live
  bool close_after = false;     // the client's connection
  bool hard_cut = false;        // only a reset tells the client that the reply is not whole
  int status = 0;
  Instant began{0}, attempt_began{0}, progress{0};
  std::uint64_t bytes_in = 0, bytes_out = 0;  // of bodies
  AccessEntry entry;                          // filled when there is an access log
};

class Session : public Source, public Timed {
 public:
  Session(Core& core, int fd, std::string peer, Door door);
  ~Session() override;
  void on_ready(std::uint32_t events) override;
  void on_deadline() override;
  void pump();  // moves whatever can be moved

  bool idle() const { return phase_ == Phase::idle && !client_.waits() && !unread_; }
  Instant idle_since() const { return since_; }
  void close();
  bool close_if_idle();  // after a last look whether a request has come; false: one has

  std::size_t index = 0;  // in Core::sessions

 private:
  enum class Phase : std::uint8_t {
    idle,       // between requests: no byte of the next has come
    head,       // some of the head
    exchange,   // a request and its reply
    tunnel,     // upgraded: bytes both ways
    lingering,  // the last reply is out: reads on until the client closes, so that it arrives
    closed,
  };
  struct Failure {  // of an attempt
    int status = 502;
    std::string_view reason;  // a phrase: "closed the connection before it answered"
    bool may_retry = true;
    bool blames = true;  // the replica
  };

  // session.cc: the client's side
  bool step();
  bool read_head();
  bool take_head(std::string_view bytes, bool is_buffered);
  void set_deadline();
  void end_idle();
  bool reader_moves();  // whoever is slow to take what is sent
  void linger();
  bool drain();
  void vanish();  // the client is gone
  bool tunnel();
  bool tunnel_one(Stream& from, Stream& to, std::uint64_t& bytes);

  // request.cc: from a head to a replica
  void begin(std::string_view head, std::string_view rest, std::size_t& taken);
  std::string_view begin_body(const RequestHead& head, std::string_view rest, std::size_t& taken);
  void refuse(std::string_view head, const http::Refusal& refusal);
  void note_entry(const RequestHead& head);
  bool is_counted(std::string_view path) const;
  void attempt();
  bool start_attempt(std::size_t chosen);
  bool send_body();
  void forward_body(std::string_view bytes, std::size_t& taken);
  void attempt_failed(const Failure& failure);
  void release_upstream(bool reuse);

  // reply.cc: from the replica to the client
  bool read_reply();
  bool connected();
  void upstream_closed(bool at_end);
  bool reply_bytes(std::string_view bytes);
  bool interim(const ReplyHead& head);
  void begin_reply(const ReplyHead& head, std::string_view rest);
  void begin_tunnel(const ReplyHead& head, std::string_view rest);
  void pass_reply(std::string_view head, std::string_view bytes);
  void answer(int status, std::string_view message, std::string_view more_headers = {});
  void finish();
  void cut(int status, std::string_view reason, bool blames);
  void record();

  Core& core_;
  Stream client_;
  const std::string peer_;
  const Door door_;
  Phase phase_ = Phase::idle;
  Instant since_;        // that phase, or the last request
  std::string in_;       // read and not yet used
  bool unread_ = false;  // in_ has not been looked at
  http::HeadScanner scanner_{limits::http_header_bytes_max};
  Exchange ex_;
};

}  // namespace cube::ingress
