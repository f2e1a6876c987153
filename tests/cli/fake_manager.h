#pragma once
// A manager for the tests: the contract's routes over cpp-httplib's server, with nothing of ours
// behind them. Tasks are advanced by a script each time they are asked for.

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "api/codec.h"
#include "api/service.h"

// Its header takes seconds to compile: only what serves needs it.
namespace httplib {
class Server;
struct Request;
struct Response;
}  // namespace httplib

namespace cube::cli {

class FakeManager {
 public:
  FakeManager();
  ~FakeManager();

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  // Called with each stored task before it is answered, and how often it was asked for.
  std::function<void(Task&, int asked)> script = [](Task&, int) {};
  std::string log_text = "one\ntwo\n";
  std::vector<Event> recorded;       // GET /events
  std::vector<std::string> streams;  // bodies of the event streams, one per connection
  std::vector<api::NodeView> nodes;
  // Called with `nodes` before they are listed, and how often they were.
  std::function<void(std::vector<api::NodeView>&, int)> on_nodes = [](auto&, int) {};
  int refuse_submissions_with = 0;  // a status; 0: they are accepted
  int refuse_services_with = 0;     // of POST /services
  int drop_submissions = 0;         // so many are taken but their connection is cut

  Task& add(const std::string& id, const std::string& name);

  // Called with each stored service before it is answered to a GET, and how often it was.
  std::function<void(api::ServiceView&, int asked)> service_script = [](api::ServiceView&, int) {};
  // Called before a service's tasks are answered, and how often they were.
  std::function<void(int asked)> on_service_tasks = [](int) {};
  // Called with a service after it was answered to a GET.
  std::function<void(api::ServiceView&)> after_look = [](api::ServiceView&) {};
  api::ServiceView& add_service(const std::string& name, const std::string& image);
  std::map<std::string, std::string> logs_of;           // by task ID, instead of log_text
  static constexpr const char* logs_gone = "\x01gone";  // a text that stands for a 404

  // What arrived.
  struct Submitted {
    std::string body, idempotency_key;
  };
  std::vector<Submitted> submitted() { return locked(submitted_); }
  std::vector<std::string> stopped() { return locked(stopped_); }
  std::vector<std::string> forgotten() { return locked(forgotten_); }
  std::vector<std::string> log_queries() { return locked(log_queries_); }
  // "PUT /services/web If-Match "3"", and the specs that came.
  std::vector<std::string> service_requests() { return locked(service_requests_); }
  std::vector<service::ServiceSpec> service_specs() { return locked(service_specs_); }
  std::vector<std::string> last_event_ids() { return locked(last_event_ids_); }

 private:
  template <class T>
  T locked(const T& value) {
    const std::lock_guard lock(mutex_);
    return value;
  }
  void route_tasks();
  void route_others();
  void route_services();
  void route_service_changes();
  void change(api::ServiceView& s, service::ServiceSpec spec, const char* state);
  api::ServiceView* find_service(const std::string& ref, httplib::Response& reply);
  // Answers 400 or 412 itself and returns nullptr.
  api::ServiceView* changeable(const httplib::Request& request, httplib::Response& reply);
  void submit(const httplib::Request& request, httplib::Response& reply);
  // Answers 404 or 409 itself and returns nullptr.
  Task* find(const std::string& ref, httplib::Response& reply);

  std::mutex mutex_;
  std::vector<Task> tasks_;
  std::vector<api::ServiceView> services_;
  std::map<std::string, service::ServiceSpec> past_;  // the spec before, by name
  std::map<std::string, int> asked_, services_asked_;
  std::vector<std::string> service_requests_;
  std::vector<service::ServiceSpec> service_specs_;
  int nodes_asked_ = 0, service_tasks_asked_ = 0;
  std::vector<Submitted> submitted_;
  std::vector<std::string> stopped_, forgotten_, log_queries_, last_event_ids_;
  std::unique_ptr<httplib::Server> server_;
  int port_ = 0;
  std::thread thread_;
};

}  // namespace cube::cli
