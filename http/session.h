#pragma once
// Internal to the server: `Session`, one connection, and `Hub`, what the sessions of a server
// share. All of it lives on the loop's thread.

#include <array>
#include <atomic>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "http/asio.h"
#include "http/parser.h"
#include "http/server.h"
#include "http/wire.h"

namespace cube::http {

class Session;
class StreamState;

// What the sessions of one server share.
struct Hub {
  Loop::Impl& loop;
  ServerOptions options;
  std::shared_ptr<const Handler> handler;
  std::set<std::shared_ptr<Session>> sessions;
  std::atomic<std::size_t> count = 0;
  bool loopback_only = false;  // answers only to a Host that is this machine
  std::size_t held_bytes = 0;  // by all sessions
  bool makes_room = false;

  void add(std::shared_ptr<Session> session);
  void remove(const std::shared_ptr<Session>& session);
  // Closes the connection that has been waiting longest for a request to begin; false: none waits.
  bool close_longest_idle();
  // While too much is held: lets those go who have stood still the longest, but not `asking`.
  void make_room(const Session* asking);
  void close_all();
};

// One connection: reads one request, hands it over, writes its reply, reads the next. Nothing is
// read while a request is being answered, so pipelined ones wait in the socket.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(asio::ip::tcp::socket socket, std::shared_ptr<Hub> hub);

  void start();
  void refuse();   // instead of start(): answers 503 and closes
  void close();    // at once; a streamed reply is told
  void abandon();  // at once; nobody is told
  bool idle() const { return phase_ == Phase::idle; }
  std::chrono::steady_clock::time_point idle_since() const { return idle_since_; }

  // Since when it has moved next to nothing, of what it holds. Nothing: it is not to be let go.
  std::optional<std::chrono::steady_clock::time_point> still_since() const;
  void let_go();  // others need the room

  // For the responder of the present request, each request once.
  void reply(Response response);
  void begin_stream(Response head, std::shared_ptr<StreamState> stream);
  void flush_stream();

 private:
  enum class Phase {
    idle,       // between requests: no byte of the next has come
    head,       // some of the head
    body,       // the whole head, some of the body
    handling,   // the handler has it
    replying,   // a reply goes out; then the next request or the end
    streaming,  // an open-ended reply
    lingering,  // the last reply is out: reads on until the client closes, so that it arrives
    closed,
  };

  void wait_for_bytes();
  void on_readable();
  void read_on();  // parses what is there; goes on waiting or hands the request over
  void await_body();
  void dispatch();
  void refuse_request(const Refusal& refusal);
  void next_request();
  void linger();
  void send(std::string head, std::string body, void (Session::*then)());
  void write_more();
  void batch_sent();
  void arm(Duration d);  // the one deadline of the present phase
  void disarm();
  void on_deadline();
  void moved(std::size_t bytes);  // to or from the client
  void account();                 // tells the hub what is held now

  asio::ip::tcp::socket socket_;
  std::shared_ptr<Hub> hub_;
  asio::steady_timer timer_;
  std::unique_ptr<RequestParser> parser_;  // of the request being read or answered
  std::string in_;                         // read and not yet parsed
  std::array<std::string, 2> out_;         // head and body being written
  std::size_t written_ = 0;                // of out_, in bytes
  void (Session::*after_write_)() = nullptr;
  std::shared_ptr<StreamState> stream_;
  std::string peer_;
  std::chrono::steady_clock::time_point idle_since_, progress_;
  std::size_t moved_bytes_ = 0;  // since progress_
  std::size_t held_bytes_ = 0;   // as the hub knows it
  Phase phase_ = Phase::idle;
  bool to_head_ = false;  // the request is a HEAD: its reply has no body
  bool http11_ = true;
  bool keep_alive_ = true;
  bool waiting_ = false;  // a wait for bytes is under way
};

}  // namespace cube::http
