// One command in a container: make it, run it to the end of its output, ask for its exit code.

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

extern "C" {  // glibc 2.36 forgets to say so
#include <sys/pidfd.h>
}

#include <algorithm>
#include <fstream>
#include <iterator>

#include "base/text.h"
#include "runtime/docker_api.h"
#include "runtime/docker_json.h"
#include "runtime/log_frames.h"

namespace cube::runtime {
namespace {

using Kind = EngineError::Kind;

constexpr std::size_t output_bytes_max = 4096;
constexpr Duration exec_call_deadline = 10s;

// The engine has no call that ends a command, and one that hangs would be joined by another at each
// probe. Only a process of this very container is killed: the number may mean another one by now,
// or the engine be on another machine.
void kill_in_container(const ExecState& state) {
  if (!state.running || state.pid <= 0 || state.container.empty()) return;
  const int process = ::pidfd_open(state.pid, 0);
  if (process < 0) return;
  std::ifstream file(fmt::format("/proc/{}/cgroup", state.pid));
  const std::string groups(std::istreambuf_iterator<char>(file), {});
  if (groups.find(state.container) != std::string::npos) {
    (void)::pidfd_send_signal(process, SIGKILL, nullptr, 0);
  }
  ::close(process);
}

// Kept by the api from begin() to finish(); the one timer bounds the whole.
class Exec : public std::enable_shared_from_this<Exec> {
 public:
  Exec(DockerApi& api, Duration timeout, Runtime::Callback<ExecResult> done)
      : api_(api), timeout_(timeout), done_(std::move(done)) {}

  void begin(const std::string& container, const std::vector<std::string>& command) {
    timer_ = api_.loop().after(timeout_, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->time_out();
    });
    http::Call call = post("/containers/" + http::url_encode(container) + "/exec");
    call.body = exec_create_body(command);
    ask(std::move(call), [container](Exec& self, const http::Answer& answer) {
      if (answer.status != 201) {
        return self.finish(error_of(answer, EngineCall::exec, container));
      }
      auto id = parse_id(answer.body);
      if (!id.ok()) return self.finish(EngineError{Kind::other, id.error().message});
      self.id_ = std::move(id).value();
      self.run();
    });
  }

 private:
  http::Call post(std::string target) const {
    http::Call call;
    call.method = "POST";
    call.target = std::move(target);
    call.deadline = std::min(timeout_, exec_call_deadline);
    return call;
  }

  // Calls, and goes on with `next` unless it is all over by then.
  void ask(http::Call call, std::function<void(Exec&, const http::Answer&)> next) {
    api_.call(std::move(call),
              [weak = weak_from_this(), next = std::move(next)](DockerApi::Reply reply) {
                const auto self = weak.lock();
                if (!self || !self->done_) return;
                if (failed(reply)) return self->finish(std::get<EngineError>(std::move(reply)));
                next(*self, std::get<http::Answer>(reply));
              });
  }

  void run() {
    http::Call call = post("/exec/" + id_ + "/start");
    call.body = exec_start_body();
    http::StreamHandlers on;
    on.on_head = [weak = weak_from_this()](const http::Answer& head) {
      if (const auto self = weak.lock()) self->status_ = head.status;
    };
    on.on_data = [weak = weak_from_this()](std::string_view bytes) {
      if (const auto self = weak.lock()) self->take(bytes);
    };
    on.on_end = [weak = weak_from_this()](Result<void> end) {
      if (const auto self = weak.lock(); self && self->done_) self->ended(std::move(end));
    };
    stream_ = api_.stream(std::move(call), std::move(on));
  }

  void take(std::string_view bytes) {
    if (status_ != 200) {  // an error's body
      output_.append(
          bytes.substr(0, output_bytes_max - std::min(output_.size(), output_bytes_max)));
      return;
    }
    const auto fed = frames_.feed(bytes, [this](bool, std::string_view data) {
      output_.append(data.substr(0, output_bytes_max - output_.size()));
    });
    garbled_ = garbled_ || !fed.ok();
  }

  void ended(Result<void> end) {
    if (!end.ok()) return finish(unavailable(end.error()));
    if (status_ != 200) {
      return finish(classify(EngineCall::exec, status_, error_text(output_), id_));
    }
    if (garbled_) return finish(EngineError{Kind::other, "the command's output is garbled"});
    ask_exit_code();
  }

  void ask_exit_code() {
    http::Call call;
    call.target = "/exec/" + id_ + "/json";
    call.deadline = exec_call_deadline;
    ask(std::move(call), [](Exec& self, const http::Answer& answer) {
      if (answer.status != 200) return self.finish(error_of(answer, EngineCall::exec, self.id_));
      const auto state = parse_exec(answer.body);
      if (!state.ok()) return self.finish(EngineError{Kind::other, state.error().message});
      // The output may end a moment before the command does.
      if (state->running) return self.ask_again();
      self.finish(ExecResult{state->exit_code, printable(self.output_)});
    });
  }

  void ask_again() {
    api_.retire(std::move(again_));
    again_ = api_.loop().after(10ms, [weak = weak_from_this()] {
      if (const auto self = weak.lock(); self && self->done_) self->ask_exit_code();
    });
  }

  void time_out() {
    if (!done_) return;
    if (!id_.empty()) kill_command();
    finish(
        EngineError{Kind::other, "the command does not end within " + format_duration(timeout_)});
  }

  // Goes on after the outcome is told.
  void kill_command() {
    http::Call call;
    call.target = "/exec/" + id_ + "/json";
    call.deadline = exec_call_deadline;
    api_.call(std::move(call), [](DockerApi::Reply reply) {
      if (failed(reply)) return;
      const auto state = parse_exec(std::get<http::Answer>(reply).body);
      if (state.ok()) kill_in_container(*state);
    });
  }

  void finish(Outcome<ExecResult> outcome) {
    const auto done = std::exchange(done_, nullptr);
    api_.retire(std::move(stream_));
    api_.retire(std::move(timer_));
    api_.retire(std::move(again_));
    api_.let_go(shared_from_this());
    done(std::move(outcome));
  }

  DockerApi& api_;
  Duration timeout_;
  Runtime::Callback<ExecResult> done_;  // empty: over
  std::unique_ptr<http::Loop::Timer> timer_, again_;
  std::unique_ptr<http::CallHandle> stream_;
  std::string id_;
  int status_ = 0;
  LogFrames frames_;
  bool garbled_ = false;
  std::string output_;
};

}  // namespace

void exec_in(const std::shared_ptr<DockerApi>& api, const std::string& id,
             const std::vector<std::string>& command, Duration timeout,
             Runtime::Callback<ExecResult> done) {
  auto exec = std::make_shared<Exec>(*api, timeout, std::move(done));
  api->keep(exec);
  exec->begin(id, command);
}

}  // namespace cube::runtime
