#include "runtime/fake_runtime.h"

#include "runtime/fake_world.h"

namespace cube::runtime {
namespace {

using Lock = std::lock_guard<std::mutex>;

class FakeStream : public Stream {
 public:
  FakeStream(std::shared_ptr<FakeWorld> world, std::shared_ptr<FakeFollower> follower)
      : world_(std::move(world)), follower_(std::move(follower)) {}
  ~FakeStream() override {
    follower_->open = false;
    const Lock lock(world_->mutex);
    std::erase(world_->watchers, follower_);
    std::erase(world_->log_followers, follower_);
  }

 protected:
  const std::shared_ptr<FakeWorld> world_;
  const std::shared_ptr<FakeFollower> follower_;
};

class FakeLogStream final : public FakeStream {
 public:
  // REQUIRES: the world's mutex is held.
  FakeLogStream(std::shared_ptr<FakeWorld> world, std::shared_ptr<FakeFollower> follower)
      : FakeStream(std::move(world), std::move(follower)) {
    ++world_->open_logs;
  }
  ~FakeLogStream() override {
    const Lock lock(world_->mutex);
    --world_->open_logs;
  }
  void pause() override { follower_->paused = true; }
  void resume() override {
    follower_->paused = false;
    const Lock lock(world_->mutex);
    world_->post([follower = follower_] { follower->run_due(); });
  }
};

}  // namespace

FakeRuntime::FakeRuntime(http::Loop* loop) : world_(std::make_shared<FakeWorld>()) {
  world_->loop = loop;
}

FakeRuntime::~FakeRuntime() = default;

void FakeRuntime::add_image(const std::string& image) {
  const Lock lock(world_->mutex);
  world_->images.insert(full_image(image));
}

void FakeRuntime::expose(const std::string& image, std::vector<Port> ports) {
  const Lock lock(world_->mutex);
  world_->image_ports[full_image(image)] = std::move(ports);
}

void FakeRuntime::add_to_registry(const std::string& image) {
  const Lock lock(world_->mutex);
  world_->registry.insert(full_image(image));
}

void FakeRuntime::set_program(Program program) {
  const Lock lock(world_->mutex);
  world_->program = std::move(program);
}

void FakeRuntime::set_exec(ExecProgram program) {
  const Lock lock(world_->mutex);
  world_->exec_program = std::move(program);
}

void FakeRuntime::set_now(WallTime now) {
  const Lock lock(world_->mutex);
  world_->now = now;
}

void FakeRuntime::occupy_port(std::uint16_t port) {
  const Lock lock(world_->mutex);
  world_->occupied_ports.insert(port);
}

void FakeRuntime::fail_next(Op op, EngineError error, bool takes_effect) {
  const Lock lock(world_->mutex);
  world_->faults[op].push_back({std::move(error), takes_effect});
}

void FakeRuntime::hold(Op op) {
  const Lock lock(world_->mutex);
  world_->held[op];
}

void FakeRuntime::release(Op op) {
  const Lock lock(world_->mutex);
  auto node = world_->held.extract(op);
  if (node.empty()) return;
  for (auto& deliver : node.mapped()) world_->post(std::move(deliver));
}

void FakeRuntime::go_away(const std::string& reason) {
  const Lock lock(world_->mutex);
  if (world_->away) return;
  world_->away = reason;
  for (const auto& watcher : world_->watchers) {
    world_->post([watcher, reason] {
      if (watcher->open) watcher->events.on_disconnected(reason);
    });
  }
}

void FakeRuntime::come_back(bool kept_containers) {
  const Lock lock(world_->mutex);
  if (!world_->away) return;
  if (!kept_containers) {
    for (const auto& one : world_->containers) world_->exit(*one, 137, false);
  }
  world_->away.reset();
  for (const auto& watcher : world_->watchers) {
    world_->post([watcher, info = world_->info()] {
      if (watcher->open) watcher->events.on_connected(info);
    });
  }
}

void FakeRuntime::exit_container(const std::string& id_or_name, std::int32_t code,
                                 bool oom_killed) {
  const Lock lock(world_->mutex);
  if (FakeContainer* found = world_->find(id_or_name)) world_->exit(*found, code, oom_killed);
}

void FakeRuntime::kill_container(const std::string& id_or_name) {
  exit_container(id_or_name, 137);
}

void FakeRuntime::remove_container(const std::string& id_or_name) {
  const Lock lock(world_->mutex);
  world_->remove(id_or_name);
}

std::string FakeRuntime::add_foreign(const std::string& name) {
  const Lock lock(world_->mutex);
  world_->images.insert("foreign:latest");
  ContainerConfig config;
  config.name = name;
  config.spec.image = "foreign";
  const auto made = world_->create(config);
  const std::string id = std::get<std::string>(made);
  world_->find(id)->seen.state = ContainerState::running;
  return id;
}

void FakeRuntime::write_log(const std::string& id_or_name, const std::string& text) {
  const Lock lock(world_->mutex);
  if (FakeContainer* found = world_->find(id_or_name)) world_->write_log(*found, text);
}

std::vector<Container> FakeRuntime::containers() const {
  const Lock lock(world_->mutex);
  return world_->list({});
}

std::uint64_t FakeRuntime::calls(Op op) const {
  const Lock lock(world_->mutex);
  return world_->calls[op];
}

std::size_t FakeRuntime::open_logs() const {
  const Lock lock(world_->mutex);
  return world_->open_logs;
}

std::size_t FakeRuntime::run_pending() {
  CUBE_ASSERT(world_->loop == nullptr);
  std::size_t ran = 0;
  for (;;) {
    std::function<void()> next;
    {
      const Lock lock(world_->mutex);
      if (world_->pending.empty()) return ran;
      next = std::move(world_->pending.front());
      world_->pending.pop_front();
    }
    next();
    ++ran;
  }
}

void FakeRuntime::list(const std::map<std::string, std::string>& labels,
                       Callback<std::vector<Container>> done) {
  const Lock lock(world_->mutex);
  world_->perform<std::vector<Container>>(
      Op::list, [&]() -> Outcome<std::vector<Container>> { return world_->list(labels); },
      std::move(done));
}

void FakeRuntime::inspect(const std::string& id_or_name, Callback<Container> done) {
  const Lock lock(world_->mutex);
  world_->perform<Container>(
      Op::inspect, [&] { return world_->inspect(id_or_name); }, std::move(done));
}

void FakeRuntime::pull(const std::string& image, const std::string& /*platform*/,
                       std::function<void(std::string)> progress, Callback<Done> done) {
  const Lock lock(world_->mutex);
  if (progress && !world_->away) world_->post([progress] { progress("0 of 1 layers"); });
  world_->perform<Done>(
      Op::pull, [&] { return world_->pull(image); }, std::move(done));
}

void FakeRuntime::create(const ContainerConfig& config, Callback<std::string> done) {
  const Lock lock(world_->mutex);
  world_->perform<std::string>(
      Op::create, [&] { return world_->create(config); }, std::move(done));
}

void FakeRuntime::start(const std::string& id, Callback<Container> done) {
  const Lock lock(world_->mutex);
  world_->perform<Container>(
      Op::start, [&] { return world_->start(id); }, std::move(done));
}

void FakeRuntime::stop(const std::string& id, Duration /*grace*/, Callback<Done> done) {
  const Lock lock(world_->mutex);
  world_->perform<Done>(
      Op::stop,
      [&]() -> Outcome<Done> {
        if (FakeContainer* found = world_->find(id)) {
          world_->exit(*found, found->behaviour.stop_code, false);
        }
        return Done{};
      },
      std::move(done));
}

void FakeRuntime::remove(const std::string& id, Callback<Done> done) {
  const Lock lock(world_->mutex);
  world_->perform<Done>(
      Op::remove,
      [&]() -> Outcome<Done> {
        world_->remove(id);
        return Done{};
      },
      std::move(done));
}

void FakeRuntime::exec(const std::string& id, const std::vector<std::string>& command,
                       Duration /*timeout*/, Callback<ExecResult> done) {
  const Lock lock(world_->mutex);
  world_->perform<ExecResult>(
      Op::exec, [&] { return world_->exec(id, command); }, std::move(done));
}

std::unique_ptr<Stream> FakeRuntime::logs(const std::string& id, const LogOptions& options,
                                          LogSink sink) {
  const Lock lock(world_->mutex);
  auto follower = std::make_shared<FakeFollower>();
  follower->container_id = id;
  follower->log = std::move(sink);
  world_->follow(follower, options);
  return std::make_unique<FakeLogStream>(world_, std::move(follower));
}

std::unique_ptr<Stream> FakeRuntime::watch(const std::map<std::string, std::string>& labels,
                                           EventSink sink) {
  const Lock lock(world_->mutex);
  auto follower = std::make_shared<FakeFollower>();
  follower->labels = labels;
  follower->events = std::move(sink);
  world_->watchers.push_back(follower);
  world_->post([follower, away = world_->away, info = world_->info()] {
    if (!follower->open) return;
    if (away) {
      follower->events.on_disconnected(*away);
    } else {
      follower->events.on_connected(info);
    }
  });
  return std::make_unique<FakeStream>(world_, std::move(follower));
}

}  // namespace cube::runtime
