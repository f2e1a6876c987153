#pragma once
// Internal to the client: `Connection`, a socket to an endpoint, and `open_connection`, which makes
// one. All of it lives on the loop's thread.

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "http/asio.h"
#include "http/client.h"

namespace cube::http {

// A connected socket that is always watched: whoever uses it is told when there is something to
// read (or it was closed); a pooled one tells its pool.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Socket = asio::generic::stream_protocol::socket;

  Connection(asio::io_context& context, std::string endpoint)
      : socket(context), endpoint_(std::move(endpoint)) {}

  // Calls `on_readable` once, when there is something to read. A wait that is still under way for
  // an earlier user serves the new one.
  void watch(std::function<void()> on_readable);
  void close();
  // Nothing to read, not even the end: it can be used for another request.
  bool quiet();
  const std::string& endpoint() const { return endpoint_; }
  std::string peer_ip() const;  // empty for a unix socket

  Socket socket;

 private:
  std::string endpoint_;
  std::function<void()> on_readable_;
  bool waiting_ = false;
};

// Opens a connection, trying each address of a name in turn. Destroying it (or letting it be
// replaced) ends the attempt; `done` is then not called.
class Opening : public std::enable_shared_from_this<Opening> {
 public:
  using Done = std::function<void(Result<std::shared_ptr<Connection>>)>;

  static std::shared_ptr<Opening> begin(asio::io_context& context, const Endpoint& endpoint,
                                        Done done);
  void cancel();

  Opening(asio::io_context& context, const Endpoint& endpoint, Done done);  // use begin()

 private:
  using Address = asio::generic::stream_protocol::endpoint;

  void start(const Endpoint& endpoint);
  void resolve(const Endpoint& endpoint);
  void try_next();
  void finish(Result<std::shared_ptr<Connection>> result);
  void fail(const std::string& why);

  asio::io_context& context_;
  asio::ip::tcp::resolver resolver_;
  std::string text_;  // the endpoint, for messages
  Done done_;         // empty once called or cancelled
  std::vector<Address> addresses_;
  std::size_t next_ = 0;
  error_code last_error_;
  std::shared_ptr<Connection> trying_;
};

// "connection refused": what went wrong with a socket, in words.
std::string words(const error_code& ec);

}  // namespace cube::http
