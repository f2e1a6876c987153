#include "http/connector.h"

#include <sys/un.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <cctype>
#include <cstring>
#include <utility>

namespace cube::http {

void Connection::watch(std::function<void()> on_readable) {
  on_readable_ = std::move(on_readable);
  if (std::exchange(waiting_, true)) return;
  socket.async_wait(Socket::wait_read, [self = shared_from_this()](error_code) {
    self->waiting_ = false;
    const auto call = std::exchange(self->on_readable_, nullptr);
    if (call) call();
  });
}

void Connection::close() {
  on_readable_ = nullptr;
  error_code ignored;
  socket.close(ignored);
}

bool Connection::quiet() {
  char byte = 0;
  error_code ec;
  socket.receive(asio::buffer(&byte, 1), Socket::message_peek, ec);
  return ec == asio::error::would_block;
}

std::string Connection::peer_ip() const {
  error_code ec;
  const auto peer = socket.remote_endpoint(ec);
  if (ec || peer.protocol().family() == AF_UNIX) return {};
  asio::ip::tcp::endpoint tcp;
  tcp.resize(peer.size());
  std::memcpy(tcp.data(), peer.data(), peer.size());
  return tcp.address().to_string();
}

std::string words(const error_code& ec) {
  if (ec == boost::system::errc::no_such_file_or_directory) return "no such socket";
  if (ec == asio::error::host_not_found || ec == asio::error::no_data) return "name not found";
  if (ec == asio::error::host_not_found_try_again) return "the name cannot be looked up now";
  std::string text = ec.message();
  if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

Opening::Opening(asio::io_context& context, const Endpoint& endpoint, Done done)
    : context_(context), resolver_(context), text_(endpoint.str()), done_(std::move(done)) {}

std::shared_ptr<Opening> Opening::begin(asio::io_context& context, const Endpoint& endpoint,
                                        Done done) {
  auto opening = std::make_shared<Opening>(context, endpoint, std::move(done));
  opening->start(endpoint);
  return opening;
}

void Opening::start(const Endpoint& endpoint) {
  if (endpoint.unix_path.empty()) {
    error_code ec;
    const auto literal = asio::ip::make_address(endpoint.host, ec);
    if (ec) return resolve(endpoint);  // a name
    addresses_.emplace_back(asio::ip::tcp::endpoint(literal, endpoint.port));
  } else if (endpoint.unix_path.size() < sizeof(sockaddr_un::sun_path)) {
    addresses_.emplace_back(asio::local::stream_protocol::endpoint(endpoint.unix_path));
  } else {
    last_error_ = boost::system::errc::make_error_code(boost::system::errc::filename_too_long);
  }
  // Never calls back before begin() has returned.
  asio::post(context_, [self = shared_from_this()] { self->try_next(); });
}

void Opening::resolve(const Endpoint& endpoint) {
  using Found = asio::ip::tcp::resolver::results_type;
  resolver_.async_resolve(endpoint.host, std::to_string(endpoint.port),
                          [self = shared_from_this()](error_code ec, const Found& found) {
                            self->last_error_ = ec;
                            for (const auto& entry : found) {
                              self->addresses_.emplace_back(entry.endpoint());
                            }
                            self->try_next();
                          });
}

void Opening::try_next() {
  if (!done_) return;
  if (next_ == addresses_.size()) return fail(words(last_error_));
  trying_ = std::make_shared<Connection>(context_, text_);
  const Address address = addresses_[next_++];
  trying_->socket.async_connect(address, [self = shared_from_this(), address](error_code ec) {
    if (!self->done_) return;
    if (ec) {
      self->last_error_ = ec;
      return self->try_next();
    }
    auto connection = std::exchange(self->trying_, nullptr);
    error_code ignored;
    connection->socket.non_blocking(true, ignored);
    if (address.protocol().family() != AF_UNIX) {
      connection->socket.set_option(asio::ip::tcp::no_delay(true), ignored);
    }
    self->finish(std::move(connection));
  });
}

void Opening::cancel() {
  done_ = nullptr;
  resolver_.cancel();
  if (trying_) trying_->close();
}

void Opening::finish(Result<std::shared_ptr<Connection>> result) {
  if (const auto done = std::exchange(done_, nullptr)) done(std::move(result));
}

void Opening::fail(const std::string& why) {
  finish(Error{Code::unavailable, text_ + ": " + why});
}

}  // namespace cube::http
