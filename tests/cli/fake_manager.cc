#include "fake_manager.h"

#include <algorithm>

namespace cube::cli {

namespace {

constexpr const char* kJson = "application/json";

void refuse(httplib::Response& reply, int status, const std::string& message) {
  reply.status = status;
  reply.set_content(api::error_json(status, message), kJson);
}

}  // namespace

FakeManager::FakeManager() {
  tasks_.reserve(64);  // add() hands out references
  route_tasks();
  route_others();
  // What no route takes is answered as a manager does: with a reason.
  server_.set_error_handler([](const auto& request, auto& reply) {
    if (reply.body.empty()) refuse(reply, reply.status, "nothing at " + request.path);
  });
  port_ = server_.bind_to_any_port("127.0.0.1");
  thread_ = std::thread([this] { server_.listen_after_bind(); });
  while (!server_.is_running()) std::this_thread::yield();
}

FakeManager::~FakeManager() {
  server_.stop();
  thread_.join();
}

Task& FakeManager::add(const std::string& id, const std::string& name) {
  const std::lock_guard lock(mutex_);
  Task task;
  task.id = *TaskId::parse(id);
  task.spec.name = name;
  task.spec.image = "echo:1";
  task.status.observed = Observed::waiting;
  tasks_.push_back(task);
  return tasks_.back();
}

Task* FakeManager::find(const std::string& ref, httplib::Response& reply) {
  std::vector<Task*> found;
  for (Task& t : tasks_)
    if (t.spec.name == ref || t.id.str().starts_with(ref)) found.push_back(&t);
  if (found.size() == 1) return found.front();
  if (found.empty())
    refuse(reply, 404, "no task " + ref);
  else
    refuse(reply, 409, ref + " is ambiguous");
  return nullptr;
}

void FakeManager::submit(const httplib::Request& request, httplib::Response& reply) {
  const std::string key = request.get_header_value("Idempotency-Key");
  const bool repeated =
      std::ranges::any_of(submitted_, [&](const Submitted& s) { return s.idempotency_key == key; });
  submitted_.push_back({request.body, key});
  if (refuse_submissions_with != 0)
    return refuse(reply, refuse_submissions_with, "Task.Image: must not be empty");
  bool was_array = false;
  auto items = api::parse_submissions(request.body, was_array);
  if (!items.ok()) return refuse(reply, 400, items.error().message);
  std::vector<const Task*> answers;
  for (const auto& item : *items) {
    auto known = std::ranges::find(tasks_, item.id, &Task::id);
    if (known == tasks_.end()) {
      Task task;
      task.id = item.id;
      task.spec = item.spec;
      task.status.observed = Observed::waiting;
      tasks_.push_back(task);
      known = tasks_.end() - 1;
    }
    answers.push_back(&*known);
  }
  if (!repeated && drop_submissions > 0) {
    --drop_submissions;
    // More announced than sent: the client sees the connection break.
    reply.set_content_provider(1000, kJson,
                               [](std::size_t, std::size_t, httplib::DataSink&) { return false; });
    return;
  }
  reply.status = 201;
  reply.set_content(was_array ? api::tasks_json(answers) : api::task_json(*answers.front()), kJson);
}

void FakeManager::route_tasks() {
  server_.Get("/tasks", [this](const auto&, auto& reply) {
    const std::lock_guard lock(mutex_);
    std::vector<const Task*> all;
    for (Task& t : tasks_) {
      script(t, asked_[t.spec.name]++);
      all.push_back(&t);
    }
    reply.set_content(api::tasks_json(all), kJson);
  });
  server_.Get(R"(/tasks/([^/]+))", [this](const auto& request, auto& reply) {
    const std::lock_guard lock(mutex_);
    if (Task* task = find(request.matches[1], reply)) {
      script(*task, asked_[task->spec.name]++);
      reply.set_content(api::task_json(*task), kJson);
    }
  });
  server_.Post("/tasks", [this](const auto& request, auto& reply) {
    const std::lock_guard lock(mutex_);
    submit(request, reply);
  });
  server_.Delete(R"(/tasks/([^/]+))", [this](const auto& request, auto& reply) {
    const std::lock_guard lock(mutex_);
    if (Task* task = find(request.matches[1], reply)) {
      stopped_.push_back(task->id.str());
      task->desired = Desired::stop;
      reply.status = 204;
    }
  });
  server_.Get(R"(/tasks/([^/]+)/logs)", [this](const auto& request, auto& reply) {
    const std::lock_guard lock(mutex_);
    std::string query;
    for (const auto& [key, value] : request.params) query += key + "=" + value + ";";
    log_queries_.push_back(query);
    if (find(request.matches[1], reply) != nullptr) reply.set_content(log_text, "text/plain");
  });
}

void FakeManager::route_others() {
  server_.Get("/nodes", [this](const auto&, auto& reply) {
    const std::lock_guard lock(mutex_);
    on_nodes(nodes, nodes_asked_++);
    reply.set_content(api::nodes_json(nodes), kJson);
  });
  server_.Get(R"(/nodes/([^/]+))", [this](const auto& request, auto& reply) {
    const std::lock_guard lock(mutex_);
    const std::string name = request.matches[1];
    const auto found = std::ranges::find(nodes, name, &api::NodeView::name);
    if (found == nodes.end()) return refuse(reply, 404, "no node " + name);
    reply.set_content(api::node_json(*found), kJson);
  });
  server_.Delete(R"(/nodes/([^/]+))", [this](const auto& request, auto& reply) {
    const std::lock_guard lock(mutex_);
    forgotten_.push_back(request.matches[1]);
    reply.status = 204;
  });
  server_.Get("/events", [this](const auto& request, auto& reply) {
    const std::lock_guard lock(mutex_);
    if (request.get_header_value("Accept") != "text/event-stream") {
      std::vector<Event> after;
      const auto since = std::stoull(request.get_param_value("since"));
      for (const Event& e : recorded)
        if (e.revision > since) after.push_back(e);
      return reply.set_content(api::events_json(after), kJson);
    }
    last_event_ids_.push_back(request.get_header_value("Last-Event-ID"));
    if (streams.empty()) return refuse(reply, 400, "no more streams");
    reply.set_content(streams.front(), "text/event-stream");
    streams.erase(streams.begin());
  });
}

}  // namespace cube::cli
