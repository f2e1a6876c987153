#include "cli/manager_client.h"

#include <fmt/format.h>
#include <httplib.h>
#include <netdb.h>
#include <netinet/tcp.h>

#include <cctype>
#include <chrono>

#include "base/text.h"

namespace cube::cli {

struct ManagerClient::Ask {
  const char* method;
  std::string path;
  std::string body = "";
  httplib::Headers headers = {};
  int repeats = 1;  // when the connection was cut
};

namespace {

constexpr time_t kConnectTimeoutSeconds = 5;
// The manager asks a worker first, which asks its engine.
constexpr Duration kLogsPatience = 30s;
constexpr Duration kFollowedLogsPatience = 24h;
// The manager sends a heartbeat well within this.
constexpr Duration kEventsPatience = 90s;
constexpr std::size_t kErrorBodyBytesMax = 64 * 1024;

// Notices a peer that vanished without a word while a stream is silent.
void keep_watch(httplib::Client& client) {
  client.set_socket_options([](socket_t socket) {
    const int on = 1, idle_s = 20, every_s = 5, probes = 3;
    setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
    setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &every_s, sizeof every_s);
    setsockopt(socket, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
  });
}

void prepare(httplib::Client& client, Duration patience) {
  client.set_connection_timeout(kConnectTimeoutSeconds);
  client.set_read_timeout(patience);
  client.set_write_timeout(30);
  client.set_keep_alive(
      false);  // one request per connection: nothing can be left over from another
  keep_watch(client);
}

bool is_success(int status) {
  return status >= 200 && status < 300;
}

// Broken after it was made: the request may or may not have arrived.
bool was_cut(httplib::Error error) {
  return error == httplib::Error::Read || error == httplib::Error::Write;
}

// The library has one error for a peer that went and one that says nothing; time tells them apart.
class Silence {
 public:
  explicit Silence(Duration patience) : end_(std::chrono::steady_clock::now() + patience) {}
  bool too_long() const { return std::chrono::steady_clock::now() >= end_; }

 private:
  std::chrono::steady_clock::time_point end_;
};

bool is_known_host(const std::string& host) {
  addrinfo* found = nullptr;
  const bool known = getaddrinfo(host.c_str(), nullptr, nullptr, &found) == 0;
  if (known) freeaddrinfo(found);
  return known;
}

std::string in_words(httplib::Error error, const std::string& host) {
  switch (error) {
    case httplib::Error::Connection:
      return is_known_host(host) ? "nobody accepts the connection" : "no such host";
    case httplib::Error::ConnectionTimeout:
      return "no connection in time";
    case httplib::Error::Read:
      return "the connection broke or stayed silent";
    case httplib::Error::Write:
      return "the connection broke";
    default:
      return httplib::to_string(error);
  }
}

// A submission that a manager of this family answers with one Task, or with an array for an array.
Result<std::vector<Task>> tasks_in(const std::string& body) {
  const std::size_t first = body.find_first_not_of(" \t\r\n");
  if (first != std::string::npos && body[first] == '[') return api::parse_tasks(body);
  auto task = api::parse_task(body);
  CUBE_TRY(task);
  return std::vector<Task>{std::move(task).value()};
}

}  // namespace

std::string url_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (std::isalnum(u) != 0 || std::string_view("-._~").find(c) != std::string_view::npos)
      out += c;
    else
      out += fmt::format("%{:02X}", u);
  }
  return out;
}

Error ManagerClient::unreachable(std::string_view why) const {
  return {Code::unavailable,
          fmt::format("cannot reach the manager at {}: {} (is it running? -m or CUBE_MANAGER "
                      "names another)",
                      address_.str(), why)};
}

// What answers there does not speak as a manager does.
Error ManagerClient::foreign(std::string_view answer) const {
  return {Code::internal,
          fmt::format("{} {}; is it a Cube manager? (-m or CUBE_MANAGER names another)",
                      address_.str(), answer)};
}

template <class T>
Result<T> ManagerClient::understood(Result<T> parsed) const {
  if (parsed.ok()) return parsed;
  return foreign("gave an answer that cannot be understood: " + parsed.error().message);
}

// The error of a reply that is none of the 2xx. A manager always says why.
Error ManagerClient::refusal(int status, std::string_view body) const {
  const std::string message = api::error_message(body);
  if (message.empty()) return foreign(fmt::format("answered {} without saying why", status));
  switch (status) {
    case 400:
      return {Code::invalid, message};
    case 404:
      return {Code::not_found, message};
    case 409:
      return {Code::conflict, message};
    case 412:
      return {Code::stale, message};
    case 413:
      return {Code::too_large, message};
    case 503:  // not `unavailable`: it was reached
    case 504:
      return {Code::timeout, message};
    case 507:
      return {Code::no_space, message};
    default:
      return {Code::internal, fmt::format("the manager answered {}: {}", status, message)};
  }
}

Result<std::string> ManagerClient::exchange(const Ask& ask) {
  httplib::Request request;
  request.method = ask.method;
  request.path = ask.path;
  request.headers = ask.headers;
  request.body = ask.body;
  if (!ask.body.empty()) request.set_header("Content-Type", "application/json");
  for (int tries_left = ask.repeats;; --tries_left) {
    httplib::Client client(address_.host, address_.port);
    prepare(client, patience_);
    const Silence silence(patience_);
    const httplib::Result reply = client.send(request);
    if (!reply && was_cut(reply.error()) && silence.too_long())
      return unreachable(fmt::format("no answer within {}", format_duration(patience_)));
    if (!reply) {
      if (tries_left > 0 && was_cut(reply.error())) continue;
      return unreachable(in_words(reply.error(), address_.host));
    }
    if (!is_success(reply->status)) return refusal(reply->status, reply->body);
    return reply->body;
  }
}

Result<void> ManagerClient::stream(const Ask& ask, Duration patience, const Sink& sink) {
  httplib::Client client(address_.host, address_.port);
  prepare(client, patience);
  int status = 0;
  bool enough = false;
  std::string error_body;
  const httplib::Result reply = client.Get(
      ask.path, ask.headers,
      [&](const httplib::Response& head) {
        status = head.status;
        return true;
      },
      [&](const char* data, std::size_t size) {
        if (!is_success(status)) {
          error_body.append(data, std::min(size, kErrorBodyBytesMax - error_body.size()));
          return error_body.size() < kErrorBodyBytesMax;
        }
        enough = !sink({data, size});
        return !enough;
      });
  if (enough) return {};
  if (status != 0 && !is_success(status)) return refusal(status, error_body);
  if (!reply) return unreachable(in_words(reply.error(), address_.host));
  return {};
}

Result<std::string> ManagerClient::get(const std::string& path) {
  return exchange({"GET", path});
}

Result<std::vector<Task>> ManagerClient::tasks() {
  const auto body = get("/tasks");
  CUBE_TRY(body);
  return understood(api::parse_tasks(*body));
}

Result<Task> ManagerClient::task(std::string_view ref) {
  const auto body = get("/tasks/" + url_escaped(ref));
  CUBE_TRY(body);
  return understood(api::parse_task(*body));
}

Result<std::vector<api::NodeView>> ManagerClient::nodes() {
  const auto body = get("/nodes");
  CUBE_TRY(body);
  return understood(api::parse_nodes(*body));
}

Result<api::NodeView> ManagerClient::node(std::string_view name) {
  const auto body = get("/nodes/" + url_escaped(name));
  CUBE_TRY(body);
  return understood(api::parse_node(*body));
}

Result<std::vector<Event>> ManagerClient::events(std::uint64_t after_revision) {
  Ask ask{"GET", fmt::format("/events?since={}", after_revision)};
  ask.headers.emplace("Accept", "application/json");
  const auto body = exchange(ask);
  CUBE_TRY(body);
  return understood(api::parse_events(*body));
}

Result<std::vector<Task>> ManagerClient::submit(const std::string& body,
                                                const std::string& idempotency_key) {
  Ask ask{"POST", "/tasks", body};
  ask.headers.emplace("Idempotency-Key", idempotency_key);
  const auto reply = exchange(ask);
  CUBE_TRY(reply);
  return understood(tasks_in(*reply));
}

Result<void> ManagerClient::stop(const TaskId& id) {
  CUBE_TRY(exchange({"DELETE", "/tasks/" + id.str()}));
  return {};
}

Result<void> ManagerClient::forget_node(std::string_view name) {
  CUBE_TRY(exchange({"DELETE", "/nodes/" + url_escaped(name)}));
  return {};
}

Result<void> ManagerClient::set_availability(std::string_view node, std::string_view verb) {
  CUBE_TRY(exchange({"POST", fmt::format("/nodes/{}/{}", url_escaped(node), verb)}));
  return {};
}

// --- Services -----------------------------------------------------------------------------------

namespace {

std::string service_path(std::string_view ref, std::string_view rest = "") {
  return fmt::format("/services/{}{}", url_escaped(ref), rest);
}

httplib::Headers only_if(std::uint64_t version) {
  return {{"If-Match", fmt::format("\"{}\"", version)}};
}

}  // namespace

Result<std::vector<api::ServiceView>> ManagerClient::services() {
  const auto body = get("/services");
  CUBE_TRY(body);
  return understood(api::parse_services(*body));
}

Result<api::ServiceView> ManagerClient::service(std::string_view ref) {
  const auto body = get(service_path(ref));
  CUBE_TRY(body);
  return understood(api::parse_service(*body));
}

Result<std::vector<Task>> ManagerClient::service_tasks(std::string_view ref) {
  const auto body = get(service_path(ref, "/tasks"));
  CUBE_TRY(body);
  return understood(api::parse_tasks(*body));
}

Result<api::ServiceView> ManagerClient::create_service(const service::ServiceSpec& spec) {
  const auto body = exchange({"POST", "/services", api::service_spec_json(spec)});
  CUBE_TRY(body);
  return understood(api::parse_service(*body));
}

// Not repeated: if the first was carried out the second would be refused, as if by another's
// change.
Result<api::ServiceView> ManagerClient::update_service(std::string_view ref,
                                                       const service::ServiceSpec& spec,
                                                       std::uint64_t version) {
  const auto body = exchange(
      {"PUT", service_path(ref), api::service_spec_json(spec), only_if(version), /*repeats=*/0});
  CUBE_TRY(body);
  return understood(api::parse_service(*body));
}

Result<api::ServiceView> ManagerClient::roll_back_service(std::string_view ref,
                                                          std::uint64_t version) {
  const auto body =
      exchange({"POST", service_path(ref, "/rollback"), "", only_if(version), /*repeats=*/0});
  CUBE_TRY(body);
  return understood(api::parse_service(*body));
}

Result<api::ServiceView> ManagerClient::scale_service(std::string_view ref,
                                                      std::uint32_t replicas) {
  const auto body = exchange({"POST", service_path(ref, "/scale"), api::scale_json(replicas)});
  CUBE_TRY(body);
  return understood(api::parse_service(*body));
}

Result<void> ManagerClient::remove_service(std::string_view ref) {
  CUBE_TRY(exchange({"DELETE", service_path(ref)}));
  return {};
}

Result<void> ManagerClient::logs(std::string_view ref, const LogQuery& query, const Sink& sink) {
  std::string path = fmt::format("/tasks/{}/logs", url_escaped(ref));
  char separator = '?';
  const auto add = [&](std::string_view name, std::string_view value) {
    path += fmt::format("{}{}={}", std::exchange(separator, '&'), name, url_escaped(value));
  };
  if (query.follow) add("follow", "true");
  if (query.timestamps) add("timestamps", "true");
  if (query.tail) add("tail", std::to_string(*query.tail));
  if (!query.since.empty()) add("since", query.since);
  return stream({"GET", path}, query.follow ? kFollowedLogsPatience : kLogsPatience, sink);
}

Result<void> ManagerClient::follow_events(std::optional<std::uint64_t> last_id, const Sink& sink) {
  Ask ask{"GET", "/events"};
  ask.headers.emplace("Accept", "text/event-stream");
  if (last_id) ask.headers.emplace("Last-Event-ID", std::to_string(*last_id));
  return stream(ask, kEventsPatience, sink);
}

}  // namespace cube::cli
