#include "runtime/docker_errors.h"

#include <algorithm>
#include <charconv>
#include <initializer_list>

#include "base/text.h"

namespace cube::runtime {
namespace {

using Kind = EngineError::Kind;

bool contains(std::string_view text, std::string_view part) {
  const auto same = [](char a, char b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return lower(a) == lower(b);
  };
  return std::search(text.begin(), text.end(), part.begin(), part.end(), same) != text.end();
}

bool contains_any(std::string_view text, std::initializer_list<std::string_view> parts) {
  return std::any_of(parts.begin(), parts.end(),
                     [&](std::string_view part) { return contains(text, part); });
}

// The port in "Bind for 0.0.0.0:7777 failed", "listen tcp4 0.0.0.0:7777: bind" or "[::]:7777": the
// last run of digits after a colon that is a port; empty when there is none.
std::string port_in(std::string_view text) {
  std::string found;
  for (std::size_t at = text.find(':'); at != std::string_view::npos; at = text.find(':', at + 1)) {
    unsigned port = 0;
    const char* first = text.data() + at + 1;
    const auto [end, error] = std::from_chars(first, text.data() + text.size(), port);
    const bool whole =
        end == text.data() + text.size() || *end == ' ' || *end == ':' || *end == ',';
    if (error == std::errc() && whole && port > 0 && port <= 65535) {
      found = std::string(first, end);
    }
  }
  return found;
}

std::string port_words(std::string_view text) {
  const std::string port = port_in(text);
  if (port.empty()) return "a published port is already in use on this machine";
  return "port " + port + " is already in use on this machine";
}

// Of "failed to create shim: OCI runtime create failed: ...: exec: \"nosuch\": executable file not
// found in $PATH: unknown" people want the end.
std::string start_words(std::string_view text) {
  const std::size_t exec = text.rfind("exec: ");
  std::string words(exec == std::string_view::npos ? text : text.substr(exec + 6));
  for (const std::string_view tail : {": unknown", ": unknown: unknown"}) {
    if (words.ends_with(tail)) words.resize(words.size() - tail.size());
  }
  if (exec == std::string_view::npos) return "cannot start: " + words;
  return "cannot run the command " + words;
}

EngineError by_text(EngineCall call, int status, std::string_view text) {
  if (contains_any(text, {"port is already allocated", "address already in use"})) {
    return {Kind::port_in_use, port_words(text)};
  }
  if (contains(text, "no space left")) {
    return {Kind::no_space, "no space left on this machine's disk"};
  }
  // Only what the runtime says of the process: an engine that is going down loses files of its own.
  const bool of_the_process =
      contains_any(text, {"OCI runtime", "starting container process", "unable to find user"});
  const bool bad_command =
      of_the_process &&
      contains_any(text, {"executable file not found", "no such file or directory",
                          "permission denied: unknown", "exec format error", "is a directory",
                          "not a directory", "unable to find user", "cwd must be"});
  if (call == EngineCall::start && (status == 400 || bad_command)) {
    return {Kind::bad_spec, start_words(text)};
  }
  if (call == EngineCall::create && contains(text, "is not a directory")) {
    return {Kind::bad_spec, "the working directory is not one: " + std::string(text)};
  }
  if (status == 400) return {Kind::bad_spec, "the container engine refuses: " + std::string(text)};
  if (status == 503) return {Kind::unavailable, "the container engine is not ready"};
  return {Kind::other, "the container engine cannot " + std::string(name(call)) + " it (" +
                           std::to_string(status) + "): " + std::string(text)};
}

EngineError not_found(EngineCall call, std::string_view text, std::string_view object) {
  if (call == EngineCall::create &&
      contains_any(text, {"no such image", "image not known", "not found: manifest"})) {
    return {Kind::no_image, "no image \"" + printable(object) + "\" on this machine"};
  }
  if (call == EngineCall::create) return {Kind::bad_spec, "cannot create it: " + std::string(text)};
  if (call == EngineCall::start && !contains(text, "no such container")) {
    return by_text(call, 404, text);  // such as an executable that is not there (Podman)
  }
  return {Kind::not_found, "no container \"" + printable(object) + "\""};
}

}  // namespace

std::string_view name(EngineCall call) {
  switch (call) {
    case EngineCall::list:
      return "list containers for";
    case EngineCall::inspect:
      return "inspect";
    case EngineCall::pull:
      return "pull";
    case EngineCall::create:
      return "create";
    case EngineCall::start:
      return "start";
    case EngineCall::stop:
      return "stop";
    case EngineCall::remove:
      return "remove";
    case EngineCall::exec:
      return "run a command in";
    case EngineCall::logs:
      return "read the log of";
  }
  CUBE_UNREACHABLE();
}

EngineError classify(EngineCall call, int status, std::string_view text, std::string_view object) {
  if (status == 404) return not_found(call, text, object);
  if (status == 409 && call == EngineCall::create) return {Kind::name_in_use, std::string(text)};
  return by_text(call, status, text);
}

EngineError classify_pull(std::string_view text, std::string_view image) {
  const std::string quoted = "image \"" + printable(image) + "\"";
  if (contains(text, "no space left")) {
    return {Kind::no_space, "no space left on this machine's disk for " + quoted};
  }
  if (contains_any(text, {"no such host", "connection refused", "i/o timeout", "timeout exceeded",
                          "network is unreachable", "tls handshake", "server misbehaving",
                          "connection reset"})) {
    return {
        Kind::no_registry,
        quoted + " is not on this machine, and its registry cannot be reached: " + printable(text)};
  }
  if (contains_any(
          text, {"manifest unknown", "not found", "pull access denied", "repository does not exist",
                 "requested access to the resource is denied", "manifest for",
                 "no matching manifest", "invalid reference", "unauthorized"})) {
    return {Kind::no_image, quoted + " cannot be pulled: " + printable(text)};
  }
  return {Kind::other, quoted + " cannot be pulled: " + printable(text)};
}

EngineError unavailable(const Error& error) {
  if (error.code == Code::timeout) {
    return {Kind::unavailable, "the container engine does not answer in time"};
  }
  return {Kind::unavailable, "the container engine is away: " + printable(error.message)};
}

int api_minor(std::string_view version) {
  if (!version.starts_with("1.")) return -1;
  version.remove_prefix(2);
  int minor = -1;
  const auto [end, error] = std::from_chars(version.data(), version.data() + version.size(), minor);
  return error == std::errc() && end == version.data() + version.size() ? minor : -1;
}

Result<int> negotiate(int engine_min, int engine_max) {
  if (engine_max < 0) {
    return Error{Code::unavailable,
                 "what answers is not a container engine: it tells no API version"};
  }
  if (engine_max < api_minor_min) {
    return Error{Code::unavailable, "the container engine is too old: its API is 1." +
                                        std::to_string(engine_max) + ", needed is 1." +
                                        std::to_string(api_minor_min) + " (Docker 19.03) or newer"};
  }
  if (engine_min > api_minor_max) {
    return Error{Code::unavailable, "the container engine is too new: its oldest API is 1." +
                                        std::to_string(engine_min) + ", this Cube knows up to 1." +
                                        std::to_string(api_minor_max)};
  }
  return std::min(engine_max, api_minor_max);
}

}  // namespace cube::runtime
