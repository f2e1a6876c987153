// Addresses, percent-encoding, and the query parameters of the log routes.

#include "base/text.h"
#include "daemon/replies.h"
#include "http/client.h"
#include "http/origin_check.h"
#include "tests/fuzz/target.h"

using namespace cube;

namespace {

void check_endpoint(std::string_view text) {
  for (const std::uint16_t default_port : {std::uint16_t{0}, std::uint16_t{5555}}) {
    const auto endpoint = http::Endpoint::parse(text, default_port);
    if (!endpoint.ok()) {
      CUBE_ASSERT(!endpoint.error().message.empty());
      continue;
    }
    const auto again = http::Endpoint::parse(endpoint->str(), 0);
    CUBE_ASSERT(again.ok());
    CUBE_ASSERT(*again == *endpoint);
  }
}

void check_encoding(std::string_view text) {
  const auto back = http::url_decode(http::url_encode(text), true);
  CUBE_ASSERT(back.ok() == (text.find('\0') == text.npos));
  if (back.ok()) CUBE_ASSERT(*back == text);
  const auto decoded = http::url_decode(text, true);
  const bool has_nul = text.find('\0') != text.npos;  // only an encoded one is seen as such
  if (decoded.ok() && !has_nul)
    CUBE_ASSERT(*http::url_decode(http::url_encode(*decoded), true) == *decoded);
}

void check_query(std::string_view text) {
  http::Request request;
  for (const auto pair : fuzz::split(text, '&')) {
    const auto equals = std::min(pair.find('='), pair.size());
    const auto value = pair.substr(std::min(pair.size(), equals + 1));
    request.query.emplace_back(pair.substr(0, equals), value);
  }
  const WallTime now{1'790'000'000'000'000};
  const auto options = daemon::log_options(request, now);
  if (options.ok()) {
    CUBE_ASSERT(!options->tail || *options->tail >= 0);
  } else {
    CUBE_ASSERT(options.error().message.size() < 256 + 3 * text.size());
  }
  (void)daemon::query_number(request, "wait", 0);
}

}  // namespace

FUZZ_TARGET(url) {
  check_endpoint(bytes);
  check_encoding(bytes);
  check_query(bytes);
  (void)http::is_loopback_host(bytes);
}
