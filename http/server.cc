#include "http/server.h"

#include <boost/asio/ip/address.hpp>
#include <utility>

#include "http/client.h"
#include "http/session.h"

namespace cube::http {

namespace {

using asio::ip::tcp;

// Refusals written at the same time when the server is full; who comes on top is just closed.
constexpr std::size_t refusals_max = 64;
constexpr Duration accept_retry = 50ms;

std::string address_text(const ServerOptions& options) {
  return Endpoint{{}, options.host, options.port}.str();
}

Error listen_error(const ServerOptions& options, const error_code& ec) {
  const std::string address = address_text(options);
  if (ec == asio::error::address_in_use) {
    return {Code::conflict, address +
                                " is already in use; choose another with --port or stop the "
                                "other program"};
  }
  if (ec == asio::error::access_denied) {
    return {Code::unavailable,
            address + ": no permission to listen there; choose a --port from 1024 up"};
  }
  if (ec == boost::system::errc::address_not_available) {
    return {Code::invalid, address +
                               ": this machine has no such address; choose another with "
                               "--host"};
  }
  return {Code::unavailable, address + ": cannot listen: " + ec.message()};
}

Result<tcp::endpoint> local_endpoint(Loop::Impl& loop, const ServerOptions& options) {
  error_code ec;
  const auto literal = asio::ip::make_address(options.host, ec);
  if (!ec) return tcp::endpoint(literal, options.port);
  const auto found = tcp::resolver(loop.context).resolve(options.host, "", ec);
  if (ec || found.empty()) {
    return Error{Code::invalid, address_text(options) + ": the host name is not known here"};
  }
  return tcp::endpoint(found.begin()->endpoint().address(), options.port);
}

// The listening socket. Lives on the loop's thread once it is open.
class Door : public std::enable_shared_from_this<Door> {
 public:
  Door(Loop::Impl& loop, ServerOptions options, Handler handler)
      : acceptor_(loop.context),
        retry_(loop.context),
        hub_(new Hub{loop,
                     std::move(options),
                     std::make_shared<const Handler>(std::move(handler)),
                     {},
                     0,
                     false}) {}

  Result<void> open() {
    const auto& options = hub_->options;
    const auto endpoint = local_endpoint(hub_->loop, options);
    if (!endpoint) return endpoint.error();
    hub_->loopback_only = endpoint->address().is_loopback();
    error_code ec;
    acceptor_.open(endpoint->protocol(), ec);
    if (!ec) acceptor_.set_option(tcp::acceptor::reuse_address(true), ec);
    if (!ec) acceptor_.bind(*endpoint, ec);
    if (!ec) acceptor_.listen(asio::socket_base::max_listen_connections, ec);
    if (ec) return listen_error(options, ec);
    return {};
  }

  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  std::size_t connections() const { return hub_->count; }

  void accept() {
    if (!acceptor_.is_open()) return;
    acceptor_.async_accept([self = shared_from_this()](error_code ec, tcp::socket socket) {
      if (!self->acceptor_.is_open()) return;
      if (ec) return self->accept_later();
      self->admit(std::move(socket));
      self->accept();
    });
  }

  void close() {
    error_code ignored;
    acceptor_.close(ignored);
    retry_.cancel();
    hub_->close_all();
  }

 private:
  // Most likely there is no file descriptor left: give one back and try again soon.
  void accept_later() {
    hub_->close_longest_idle();
    retry_.expires_after(accept_retry);
    retry_.async_wait([self = shared_from_this()](error_code ec) {
      if (!ec) self->accept();
    });
  }

  // Full: a connection that waits for nothing makes room for the new one, else that is refused.
  void admit(tcp::socket socket) {
    const std::size_t max = hub_->options.connections_max;
    const bool room = hub_->sessions.size() < max || hub_->close_longest_idle();
    if (!room && hub_->sessions.size() >= max + refusals_max) return;
    auto session = std::make_shared<Session>(std::move(socket), hub_);
    hub_->add(session);
    if (room) return session->start();
    session->refuse();
  }

  tcp::acceptor acceptor_;
  asio::steady_timer retry_;
  std::shared_ptr<Hub> hub_;
};

class DoorServer : public Server {
 public:
  DoorServer(Loop::Impl& loop, std::shared_ptr<Door> door)
      : loop_(loop), door_(std::move(door)), port_(door_->port()) {
    loop_.mailbox->post([door = door_] { door->accept(); });
  }
  ~DoorServer() override {
    loop_.run_sync([door = door_] { door->close(); });
  }
  std::uint16_t port() const override { return port_; }
  std::size_t connections() const override { return door_->connections(); }

 private:
  Loop::Impl& loop_;
  std::shared_ptr<Door> door_;
  std::uint16_t port_;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::listen(Loop& loop, ServerOptions options, Handler handler) {
  auto door = std::make_shared<Door>(loop.impl(), std::move(options), std::move(handler));
  CUBE_TRY(door->open());
  return std::unique_ptr<Server>(std::make_unique<DoorServer>(loop.impl(), std::move(door)));
}

}  // namespace cube::http
