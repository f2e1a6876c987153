#pragma once
// What a proxy has to know of the heads that go through it, and how it writes them anew. Views into
// the bytes as they came; nothing is allocated for a field. Pure.
//
// The raw bytes have passed http/head_check.h. What is only for one hop (Connection and what it
// names, Keep-Alive, TE, Trailer, Upgrade, ...) is dropped, framing is written anew from what was
// understood of it, and what clients say about who they are (X-Forwarded-*, Forwarded, X-Real-IP,
// also spelled with '_') is replaced by what the socket says.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/head_check.h"

namespace cube::ingress {

inline constexpr std::size_t nominated_max = 16;  // names that one Connection header may list

// What Connection says.
struct HopFields {
  bool close = false, keep_alive = false, upgrade = false;
  std::array<std::string_view, nominated_max> nominated;  // other names: to be dropped
  std::size_t nominated_count = 0;

  // False: more names than fit, or the list is malformed.
  bool read(std::string_view value);
  bool names(std::string_view field) const;
};

struct RequestHead {
  std::string_view method;
  std::string_view path;   // begins with '/'; as it came, not decoded
  std::string_view query;  // with its '?'; empty: none
  std::string_view host;   // empty: HTTP/1.0 without one
  std::string_view user_agent;
  http::HeadFacts facts;
  bool has_length = false;
  bool keep_alive = false;
  bool websocket = false;   // asks for the upgrade, the only one that is passed on
  bool to_head = false;     // HEAD
  bool idempotent = false;  // may be sent twice
  HopFields hop;
  std::string_view fields;  // all header lines
};

// Reads a head that the scanner has found whole. Refused besides what check_head refuses: dot
// segments and bad escapes in the path (a replica could resolve them to what was not meant by the
// route), a Connection that names what is not for one hop, and TRACE.
std::optional<http::Refusal> read_request(std::string_view head, RequestHead& request);

// What can be read of a head that is refused, for a log: the method, the target (all of it is
// `path`) and the host, each as it came and perhaps wrong, or empty. Of any bytes at all.
RequestHead read_refused(std::string_view head);

// How the request looks to the replica.
struct RequestChanges {
  std::string_view prefix;   // to be cut from the path; empty: nothing is
  std::string_view client;   // the address of the client
  std::string_view replica;  // the Host when the request has none
  std::uint16_t port = 0;    // that the client connected to
};
void write_request(std::string& out, const RequestHead& request, const RequestChanges& changes);

struct ReplyHead {
  http::ReplyFacts facts;
  std::string_view status_line;  // behind the version: "200 OK"
  std::string_view fields;
  HopFields hop;
  bool keep_alive = false;  // the replica's connection
  bool websocket = false;   // 101, and the upgrade is that
};

std::optional<http::Refusal> read_reply_head(std::string_view head, ReplyHead& reply);

// How the reply looks to the client.
struct ReplyChanges {
  bool chunked = false;  // its body goes on in chunks
  bool drop_length = false;
  bool close = false;           // the connection ends with it
  bool say_keep_alive = false;  // to a client of HTTP/1.0
};
void write_reply(std::string& out, const ReplyHead& reply, const ReplyChanges& changes);

}  // namespace cube::ingress
