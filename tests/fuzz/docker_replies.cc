// The engine's replies: every reader gets the same bytes, as JSON and as the text of an error.

#include "base/bytes.h"
#include "base/text.h"
#include "runtime/docker_errors.h"
#include "runtime/docker_json.h"
#include "tests/fuzz/target.h"

using namespace cube;
using namespace cube::runtime;

namespace {

constexpr std::size_t message_bytes_max = 4096;

void check(const Container& c) {
  CUBE_ASSERT(!c.id.empty());
  CUBE_ASSERT(printable(c.error) == c.error);
  for (std::size_t i = 0; i < c.ports.size(); ++i) {
    CUBE_ASSERT(c.ports[i].host_port != 0);
    CUBE_ASSERT(i == 0 || c.ports[i - 1] < c.ports[i]);
  }
}

void check(const EngineError& error) {
  CUBE_ASSERT(!error.message.empty());
  CUBE_ASSERT(error.message.size() < message_bytes_max);
  CUBE_ASSERT(printable(error.message) == error.message);
}

void check_errors(std::string_view body) {
  const std::string text = error_text(body);
  CUBE_ASSERT(is_valid_utf8(text));
  CUBE_ASSERT(printable(text) == text);
  constexpr int statuses[] = {304, 400, 404, 409, 500, 503};
  constexpr std::size_t calls = static_cast<std::size_t>(EngineCall::logs) + 1;
  const std::size_t chosen = crc32c(body);
  check(
      classify(static_cast<EngineCall>(chosen % calls), statuses[chosen / calls % 6], text, "web"));
  check(classify_pull(text, "echo"));
}

}  // namespace

FUZZ_TARGET(docker_replies) {
  if (const auto all = parse_list(bytes); all.ok()) {
    for (const Container& c : *all) check(c);
  }
  if (const auto one = parse_inspect(bytes); one.ok()) check(one->container);
  if (const auto id = parse_id(bytes); id.ok()) CUBE_ASSERT(!id->empty());
  (void)parse_exec(bytes);
  if (const auto info = parse_info(bytes); info.ok()) CUBE_ASSERT(info->cgroup_version != 0);
  if (const auto version = parse_min_api_version(bytes); version.ok()) (void)api_minor(*version);
  if (const auto event = parse_event(bytes)) CUBE_ASSERT(!event->container_id.empty());
  (void)parse_pull_line(bytes);
  const int minor = api_minor(bytes);
  CUBE_ASSERT(minor >= -1);
  if (const auto agreed = negotiate(minor, minor); agreed.ok()) {
    CUBE_ASSERT(*agreed >= api_minor_min && *agreed <= api_minor_max);
  }
  check_errors(bytes);
}
