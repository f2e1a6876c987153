// A client for the end-to-end tests: constant load, and an account of every request that failed.
//
//   load_client ADDRESS HOST-HEADER PATH [REQUESTS-PER-SECOND of each kind, 40]
//
// Four kinds at once, a thread each: GET and POST, on a kept connection and on a new one each time.
// A POST must be answered with its own text. Nothing is tried again. A failure is a line of its own
// on standard output as it happens; "N requests, M failed" follows five times a second and at the
// end, which SIGTERM brings after the requests under way. Exit code 1 when any failed.

#include <httplib.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

struct Target {
  std::string address, host, path;
  double rate = 40;
};

class Load {
 public:
  explicit Load(Target target) : target_(std::move(target)) {}

  void run() {
    {
      std::vector<std::jthread> clients;
      for (const bool posts : {false, true}) {
        for (const bool keeps : {false, true}) {
          clients.emplace_back([this, posts, keeps] { repeat(posts, keeps); });
        }
      }
      do tell();
      while (!over_within(milliseconds(200)));
    }
    tell();
  }
  void end() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    changed_.notify_all();
  }
  bool failed() const { return failed_ > 0; }

 private:
  bool over_within(Clock::duration time) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, time, [this] { return over_; });
  }

  void tell() {
    const std::lock_guard lock(out_);
    std::printf("%d requests, %d failed\n", asked_.load(), failed_.load());
    std::fflush(stdout);
  }

  void repeat(bool posts, bool keeps) {
    const auto gap = std::chrono::duration_cast<Clock::duration>(
        std::chrono::duration<double>(1 / target_.rate));
    std::unique_ptr<httplib::Client> client;
    auto next = Clock::now();
    for (int number = 0;; ++number) {
      if (client == nullptr || !keeps) client = connect(keeps);
      const auto begin = Clock::now();
      const std::string wrong = ask(*client, posts, number);
      ++asked_;
      if (!wrong.empty()) {
        ++failed_;
        note(posts, keeps, wrong, begin);
      }
      next = std::max(next + gap, Clock::now() - gap);  // what it is behind is not made up for
      if (over_within(next - Clock::now())) return;
    }
  }

  std::unique_ptr<httplib::Client> connect(bool keeps) const {
    auto client = std::make_unique<httplib::Client>("http://" + target_.address);
    client->set_keep_alive(keeps);
    client->set_tcp_nodelay(true);
    client->set_read_timeout(30);
    client->set_default_headers({{"Host", target_.host}});
    return client;
  }

  // What is wrong with the answer; empty: nothing.
  std::string ask(httplib::Client& client, bool posts, int number) const {
    const std::string text = "\"number " + std::to_string(number) + "\"";
    const auto answer =
        posts ? client.Post(target_.path, "{\"Msg\":" + text + "}", "application/json")
              : client.Get(target_.path);
    if (!answer) return "no answer: " + httplib::to_string(answer.error());
    if (answer->status != 200) return std::to_string(answer->status) + " " + answer->body;
    if (posts && answer->body != "{\"Msg\":" + text + "}\n") return "not its own: " + answer->body;
    return "";
  }

  void note(bool posts, bool keeps, const std::string& wrong, Clock::time_point begin) {
    const auto took = std::chrono::duration_cast<milliseconds>(Clock::now() - begin).count();
    const std::lock_guard lock(out_);
    std::printf("FAILED %s on a %s connection after %d ms: %s\n", posts ? "POST" : "GET",
                keeps ? "kept" : "new", static_cast<int>(took), wrong.c_str());
    std::fflush(stdout);
  }

  const Target target_;
  std::atomic<int> asked_ = 0, failed_ = 0;
  std::mutex mutex_, out_;
  std::condition_variable changed_;
  bool over_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "load_client ADDRESS HOST-HEADER PATH [RATE]\n");
    return 2;
  }
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ending, nullptr);
  Load load({argv[1], argv[2], argv[3], argc > 4 ? std::atof(argv[4]) : 40});
  const std::jthread waiting([&] {
    int signal = 0;
    sigwait(&ending, &signal);
    load.end();
  });
  load.run();
  return load.failed() ? 1 : 0;
}
