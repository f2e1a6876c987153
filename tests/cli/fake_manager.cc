#include "fake_manager.h"

#include <httplib.h>

#include <algorithm>

namespace cube::cli {

namespace {

constexpr const char* kJson = "application/json";

void refuse(httplib::Response& reply, int status, const std::string& message) {
  reply.status = status;
  reply.set_content(api::error_json(status, message), kJson);
}

}  // namespace

FakeManager::FakeManager() : server_(std::make_unique<httplib::Server>()) {
  tasks_.reserve(64);  // add() hands out references
  services_.reserve(16);
  route_tasks();
  route_others();
  route_services();
  route_service_changes();
  // What no route takes is answered as a manager does: with a reason.
  server_->set_error_handler([](const auto& request, auto& reply) {
    if (reply.body.empty()) refuse(reply, reply.status, "nothing at " + request.path);
  });
  port_ = server_->bind_to_any_port("127.0.0.1");
  thread_ = std::thread([this] { server_->listen_after_bind(); });
  while (!server_->is_running()) std::this_thread::yield();
}

FakeManager::~FakeManager() {
  server_->stop();
  thread_.join();
}

Task& FakeManager::add(const std::string& id, const std::string& name) {
  const std::lock_guard lock(mutex_);
  Task task;
  task.id = *TaskId::parse(id);
  task.spec.edit().name = name;
  task.spec.edit().image = "echo:1";
  task.status.observed = Observed::waiting;
  tasks_.push_back(task);
  return tasks_.back();
}

Task* FakeManager::find(const std::string& ref, httplib::Response& reply) {
  std::vector<Task*> found;
  for (Task& t : tasks_)
    if (t.spec->name == ref || t.id.str().starts_with(ref)) found.push_back(&t);
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
  server_->Get("/tasks", [this](const auto&, auto& reply) {
    const std::lock_guard lock(mutex_);
    std::vector<const Task*> all;
    for (Task& t : tasks_) {
      script(t, asked_[t.spec->name]++);
      all.push_back(&t);
    }
    reply.set_content(api::tasks_json(all), kJson);
  });
  server_->Get(R"(/tasks/([^/]+))", [this](const auto& request, auto& reply) {
    const std::lock_guard lock(mutex_);
    if (Task* task = find(request.matches[1], reply)) {
      script(*task, asked_[task->spec->name]++);
      reply.set_content(api::task_json(*task), kJson);
    }
  });
  server_->Post("/tasks", [this](const auto& request, auto& reply) {
    const std::lock_guard lock(mutex_);
    submit(request, reply);
  });
  server_->Delete(R"(/tasks/([^/]+))", [this](const auto& request, auto& reply) {
    const std::lock_guard lock(mutex_);
    if (Task* task = find(request.matches[1], reply)) {
      stopped_.push_back(task->id.str());
      task->desired = Desired::stop;
      reply.status = 204;
    }
  });
  server_->Get(R"(/tasks/([^/]+)/logs)", [this](const auto& request, auto& reply) {
    const std::lock_guard lock(mutex_);
    std::string query;
    for (const auto& [key, value] : request.params) query += key + "=" + value + ";";
    log_queries_.push_back(query);
    const Task* task = find(request.matches[1], reply);
    if (task == nullptr) return;
    const auto own = logs_of.find(task->id.str());
    if (own != logs_of.end() && own->second == logs_gone)
      return refuse(reply, 404, "its container was removed");
    reply.set_content(own == logs_of.end() ? log_text : own->second, "text/plain");
  });
}

void FakeManager::route_others() {
  server_->Get("/nodes", [this](const auto&, auto& reply) {
    const std::lock_guard lock(mutex_);
    on_nodes(nodes, nodes_asked_++);
    reply.set_content(api::nodes_json(nodes), kJson);
  });
  server_->Get(R"(/nodes/([^/]+))", [this](const auto& request, auto& reply) {
    const std::lock_guard lock(mutex_);
    const std::string name = request.matches[1];
    const auto found = std::ranges::find(nodes, name, &api::NodeView::name);
    if (found == nodes.end()) return refuse(reply, 404, "no node " + name);
    reply.set_content(api::node_json(*found), kJson);
  });
  server_->Delete(R"(/nodes/([^/]+))", [this](const auto& request, auto& reply) {
    const std::lock_guard lock(mutex_);
    forgotten_.push_back(request.matches[1]);
    reply.status = 204;
  });
  server_->Post(R"(/nodes/([^/]+)/(drain|pause|activate))",
                [this](const auto& request, auto& reply) {
                  const std::lock_guard lock(mutex_);
                  service_requests_.push_back("POST " + request.path);
                  reply.status = 204;
                });
  server_->Get("/events", [this](const auto& request, auto& reply) {
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

// --- Services -----------------------------------------------------------------------------------

api::ServiceView& FakeManager::add_service(const std::string& name, const std::string& image) {
  const std::lock_guard lock(mutex_);
  api::ServiceView s;
  s.id = ServiceId(Uuid::from_random(3, services_.size() + 1));
  s.version = s.task_version = 1;
  s.spec.name = name;
  s.spec.task.image = image;
  s.spec.task.publish_all = true;
  s.status.state = "stable";
  s.status.replicas = s.status.running = s.status.ready = s.status.updated = 1;
  services_.push_back(s);
  return services_.back();
}

api::ServiceView* FakeManager::find_service(const std::string& ref, httplib::Response& reply) {
  std::vector<api::ServiceView*> found;
  for (api::ServiceView& s : services_)
    if (s.spec.name == ref || s.id.str().starts_with(ref)) found.push_back(&s);
  if (found.size() == 1) return found.front();
  if (found.empty())
    refuse(reply, 404, "no service " + ref);
  else
    refuse(reply, 409, ref + " is ambiguous");
  return nullptr;
}

api::ServiceView* FakeManager::changeable(const httplib::Request& request,
                                          httplib::Response& reply) {
  const std::string if_match = request.get_header_value("If-Match");
  service_requests_.push_back(request.method + " " + request.path +
                              (if_match.empty() ? "" : " If-Match " + if_match));
  api::ServiceView* s = find_service(request.matches[1], reply);
  if (s == nullptr) return nullptr;
  const auto wanted = api::parse_if_match(if_match);
  if (!wanted.ok() || !*wanted || **wanted == s->version) return s;
  refuse(reply, 412, "service has version " + std::to_string(s->version));
  return nullptr;
}

void FakeManager::change(api::ServiceView& s, service::ServiceSpec spec, const char* state) {
  if (spec == s.spec) return;
  ++s.version;
  if (service::differs_in_task(s.spec, spec)) {
    s.task_version = s.version;
    s.status.state = state;
    s.status.updated = 0;
  }
  past_[spec.name] = s.spec;
  s.status.replicas = spec.replicas;
  s.spec = std::move(spec);
}

void FakeManager::route_services() {
  const auto ask = [this](api::ServiceView& s) {
    service_script(s, services_asked_[s.spec.name]++);
  };
  server_->Get("/services", [this, ask](const auto&, auto& reply) {
    const std::lock_guard lock(mutex_);
    for (api::ServiceView& s : services_) ask(s);
    reply.set_content(api::services_json(services_), kJson);
  });
  server_->Get(R"(/services/([^/]+))", [this, ask](const auto& request, auto& reply) {
    const std::lock_guard lock(mutex_);
    api::ServiceView* s = find_service(request.matches[1], reply);
    if (s == nullptr) return;
    ask(*s);
    if (s->status.state == "gone") {
      std::erase_if(services_, [&](const auto& other) { return &other == s; });
      return refuse(reply, 404, "no such service");
    }
    reply.set_content(api::service_json(*s), kJson);
    after_look(*s);
  });
  server_->Get(R"(/services/([^/]+)/history)", [this](const auto& request, auto& reply) {
    const std::lock_guard lock(mutex_);
    if (const api::ServiceView* s = find_service(request.matches[1], reply))
      reply.set_content(api::history_json({{1, {}, s->spec}}), kJson);
  });
  server_->Get(R"(/services/([^/]+)/tasks)", [this](const auto& request, auto& reply) {
    const std::lock_guard lock(mutex_);
    const api::ServiceView* s = find_service(request.matches[1], reply);
    if (s == nullptr) return;
    on_service_tasks(service_tasks_asked_++);
    std::vector<const Task*> own;
    for (Task& t : tasks_)
      if (t.of.service == s->id) own.push_back(&t);
    reply.set_content(api::tasks_json(own), kJson);
  });
}

void FakeManager::route_service_changes() {
  server_->Post("/services", [this](const auto& request, auto& reply) {
    const auto spec = api::parse_service_spec(request.body);
    if (!spec.ok()) return refuse(reply, 400, spec.error().message);
    if (refuse_services_with != 0) return refuse(reply, refuse_services_with, "refused");
    api::ServiceView* present = nullptr;
    {
      const std::lock_guard lock(mutex_);
      service_requests_.push_back("POST /services");
      service_specs_.push_back(*spec);
      for (api::ServiceView& s : services_)
        if (s.spec.name == spec->name) present = &s;
      if (present != nullptr && present->spec != *spec)
        return refuse(reply, 409, "service " + spec->name + " exists with another content");
    }
    if (present == nullptr) {
      present = &add_service(spec->name, spec->task.image);
      present->spec = *spec;
      present->status = {};
      present->status.state = "updating";
      present->status.replicas = spec->replicas;
    }
    reply.status = 201;
    reply.set_content(api::service_json(*present), kJson);
  });
  server_->Put(R"(/services/([^/]+))", [this](const auto& request, auto& reply) {
    const std::lock_guard lock(mutex_);
    api::ServiceView* s = changeable(request, reply);
    if (s == nullptr) return;
    const auto spec = api::parse_service_spec(request.body);
    if (!spec.ok()) return refuse(reply, 400, spec.error().message);
    service_specs_.push_back(*spec);
    change(*s, *spec, "updating");
    reply.set_content(api::service_json(*s), kJson);
  });
  server_->Post(R"(/services/([^/]+)/scale)", [this](const auto& request, auto& reply) {
    const std::lock_guard lock(mutex_);
    api::ServiceView* s = changeable(request, reply);
    if (s == nullptr) return;
    const auto replicas = api::parse_scale(request.body);
    if (!replicas.ok()) return refuse(reply, 400, replicas.error().message);
    auto spec = s->spec;
    spec.replicas = *replicas;
    change(*s, spec, "updating");
    reply.set_content(api::service_json(*s), kJson);
  });
  server_->Post(R"(/services/([^/]+)/rollback)", [this](const auto& request, auto& reply) {
    const std::lock_guard lock(mutex_);
    api::ServiceView* s = changeable(request, reply);
    if (s == nullptr) return;
    const auto before = past_.find(s->spec.name);
    if (before == past_.end()) return refuse(reply, 409, "service has no earlier version");
    change(*s, service::ServiceSpec(before->second), "rolling-back");
    reply.set_content(api::service_json(*s), kJson);
  });
  server_->Delete(R"(/services/([^/]+))", [this](const auto& request, auto& reply) {
    const std::lock_guard lock(mutex_);
    api::ServiceView* s = changeable(request, reply);
    if (s == nullptr) return;
    s->status.state = "removing";
    reply.status = 202;
  });
}

}  // namespace cube::cli
