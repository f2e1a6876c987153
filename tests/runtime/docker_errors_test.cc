// What the engine's refusals mean: codes and texts as a real engine gave them.

#include "runtime/docker_errors.h"

#include <doctest/doctest.h>

#include "runtime/docker_runtime.h"
#include "runtime/image_pull.h"

namespace cube::runtime {
namespace {

using Kind = EngineError::Kind;

struct Refusal {
  EngineCall call;
  int status;
  const char* text;
  Kind kind;
  const char* message;  // a part of it
};

TEST_CASE("refusals, classified and in words") {
  const Refusal cases[] = {
      {EngineCall::start, 500,
       "driver failed programming external connectivity on endpoint rt1 (e8675b): Bind for "
       "0.0.0.0:29871 failed: port is already allocated",
       Kind::port_in_use, "port 29871 is already in use on this machine"},
      {EngineCall::start, 500,
       "driver failed programming external connectivity on endpoint rt1 (8a6522): Error starting "
       "userland proxy: listen tcp4 0.0.0.0:29872: bind: address already in use",
       Kind::port_in_use, "port 29872 is already in use on this machine"},
      {EngineCall::start, 500, "listen tcp6 [::]:7777: bind: address already in use",
       Kind::port_in_use, "port 7777 is"},
      {EngineCall::start, 500, "address already in use", Kind::port_in_use, "a published port is"},
      {EngineCall::start, 400,
       "failed to create shim task: OCI runtime create failed: runc create failed: unable to start "
       "container process: exec: \"nosuch\": executable file not found in $PATH: unknown",
       Kind::bad_spec, "cannot run the command \"nosuch\": executable file not found in $PATH"},
      {EngineCall::start, 500, "unable to find user nobodyx: no matching entries in passwd file",
       Kind::bad_spec, "unable to find user nobodyx"},
      // an engine that is going down has lost files of its own: not the task's fault
      {EngineCall::start, 500,
       "failed to update the store state of sandbox: failed to update store for object type "
       "*libnetwork.sbState: open : no such file or directory",
       Kind::other, "sandbox"},
      {EngineCall::start, 500, "write /var/lib/docker/x: no space left on device", Kind::no_space,
       "no space left"},
      {EngineCall::create, 500, "mkdir /var/lib/docker/x: no space left on device", Kind::no_space,
       "no space left"},
      {EngineCall::create, 404, "No such image: nosuch:x", Kind::no_image, "no image \"thing\""},
      {EngineCall::create, 400,
       "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs "
       "available",
       Kind::bad_spec, "Range of CPUs"},
      {EngineCall::create, 400, "Minimum memory limit allowed is 6MB", Kind::bad_spec, "6MB"},
      {EngineCall::create, 500, "Cannot mkdir: /bin/sh is not a directory", Kind::bad_spec,
       "the working directory is not one"},
      {EngineCall::create, 409, "Conflict. The container name \"/x\" is already in use",
       Kind::name_in_use, "already in use"},
      {EngineCall::start, 404, "No such container: x", Kind::not_found, "no container \"thing\""},
      {EngineCall::inspect, 404, "No such container: x", Kind::not_found, "no container \"thing\""},
      {EngineCall::stop, 500, "cannot stop container", Kind::other, "cannot stop container"},
      {EngineCall::list, 503, "", Kind::unavailable, "not ready"},
      {EngineCall::exec, 409, "Container fa27 is not running", Kind::other, "is not running"},
  };
  for (const Refusal& c : cases) {
    INFO(std::string(c.text));
    const EngineError error = classify(c.call, c.status, c.text, "thing");
    CHECK(static_cast<int>(error.kind) == static_cast<int>(c.kind));
    CHECK_MESSAGE(error.message.find(c.message) != std::string::npos, error.message);
  }
}

TEST_CASE("failures of a pull") {
  struct {
    const char* text;
    Kind kind;
  } const cases[] = {
      {"manifest for nosuch:x not found: manifest unknown: manifest unknown", Kind::no_image},
      {"pull access denied for nosuch, repository does not exist or may require 'docker login'",
       Kind::no_image},
      {"Get \"https://registry-1.docker.io/v2/\": dial tcp: lookup registry-1.docker.io on "
       "10.255.255.53:53: no such host",
       Kind::no_registry},
      {"Get \"https://r/v2/\": net/http: request canceled (Client.Timeout exceeded while awaiting "
       "headers)",
       Kind::no_registry},
      {"write /var/lib/docker/tmp/x: no space left on device", Kind::no_space},
      {"unexpected EOF", Kind::other},
  };
  for (const auto& c : cases) {
    const EngineError error = classify_pull(c.text, "nosuch:x");
    CHECK_MESSAGE(static_cast<int>(error.kind) == static_cast<int>(c.kind), c.text);
    CHECK(error.message.find("nosuch:x") != std::string::npos);
  }
}

TEST_CASE("no answer") {
  CHECK(unavailable({Code::timeout, "x"}).kind == Kind::unavailable);
  CHECK(unavailable({Code::timeout, "x"}).message ==
        "the container engine does not answer in time");
  CHECK(unavailable({Code::unavailable, "refused"}).message ==
        "the container engine is away: refused");
}

TEST_CASE("API versions") {
  CHECK(api_minor("1.41") == 41);
  for (const char* odd : {"", "2.0", "1.", "1.x", "1.41 ", "v1.41"}) CHECK(api_minor(odd) == -1);
  CHECK(*negotiate(12, 40) == 40);
  CHECK(*negotiate(12, 41) == 41);
  CHECK(*negotiate(24, 44) == 44);
  CHECK(*negotiate(24, 52) == 44);
  CHECK(*negotiate(44, 52) == 44);
  CHECK(negotiate(12, 39).error().message.find("too old") != std::string::npos);
  CHECK(negotiate(45, 60).error().message.find("too new") != std::string::npos);
  CHECK(!negotiate(-1, -1).ok());
}

TEST_CASE("image references") {
  struct {
    const char* image;
    const char* repository;
    const char* tag;
  } const cases[] = {
      {"echo", "echo", "latest"},
      {"echo:v1", "echo", "v1"},
      {"host:5000/a/echo", "host:5000/a/echo", "latest"},
      {"host:5000/a/echo:v2", "host:5000/a/echo", "v2"},
      {"echo@sha256:abc", "echo", "sha256:abc"},
      {"host:5000/echo:v1@sha256:abc", "host:5000/echo", "sha256:abc"},
  };
  for (const auto& c : cases) {
    const ImageReference reference = split_image(c.image);
    CHECK(reference.repository == c.repository);
    CHECK(reference.tag == c.tag);
  }
}

TEST_CASE("progress of a pull in words") {
  PullProgress progress;
  const auto take = [&](const char* layer, const char* status) {
    return progress.take({layer, status, ""});
  };
  CHECK(take("latest", "Pulling from library/x").empty());
  CHECK(take("a", "Pulling fs layer") == "0 of 1 layers");
  CHECK(take("b", "Already exists") == "1 of 2 layers");
  CHECK(take("a", "Downloading").empty());
  CHECK(take("a", "Pull complete") == "2 of 2 layers");
  CHECK(take("a", "Pull complete").empty());
}

TEST_CASE("DOCKER_HOST") {
  CHECK(docker_endpoint("")->unix_path == "/var/run/docker.sock");
  CHECK(docker_endpoint("unix:///run/podman/podman.sock")->unix_path == "/run/podman/podman.sock");
  const auto tcp = docker_endpoint("tcp://10.0.0.1:2375");
  REQUIRE(tcp.ok());
  CHECK(tcp->host == "10.0.0.1");
  CHECK(tcp->port == 2375);
  CHECK(!docker_endpoint("ssh://somewhere").ok());
}

}  // namespace
}  // namespace cube::runtime
