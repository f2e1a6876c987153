#include "ingress/metrics.h"

#include <fmt/format.h>

#include <iterator>

#include "ingress/core.h"
#include "ingress/listener.h"
#include "ingress/session.h"

namespace cube::ingress {

namespace {

class Page {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    fmt::format_to(out(), "# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
  }
  template <class T>
  void one(std::string_view name, std::string_view type, std::string_view help, T value) {
    family(name, type, help);
    fmt::format_to(out(), "{} {}\n", name, value);
  }
  std::back_insert_iterator<std::string> out() { return std::back_inserter(text); }
  std::string text;
};

// A label's value: names are plain, but are not trusted to be.
std::string label(std::string_view value) {
  std::string text;
  for (const char c : value) {
    if (c == '\\' || c == '"') text += '\\';
    text += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return text;
}

template <class Count>
void each_service(Page& page, const Core& core, std::string_view name, std::string_view type,
                  std::string_view help, Count count) {
  page.family(name, type, help);
  for (const auto& service : core.services) {
    fmt::format_to(page.out(), "{}{{service=\"{}\"}} {}\n", name, label(service->name),
                   count(*service));
  }
}

template <class Count>
void each_replica(Page& page, const Core& core, std::string_view name, std::string_view type,
                  std::string_view help, Count count) {
  page.family(name, type, help);
  for (const auto& service : core.services) {
    for (const auto& replica : service->replicas) {
      fmt::format_to(page.out(), "{}{{service=\"{}\",replica=\"{}\"}} {}\n", name,
                     label(service->name), label(replica->spec.address), count(*replica));
    }
  }
}

void codes(Page& page, const Core& core) {
  constexpr std::string_view name = "cube_ingress_requests_total";
  page.family(name, "counter", "Requests that have ended, by the status that the client got.");
  for (const auto& service : core.services) {
    for (const auto& [code, count] : service->codes) {
      fmt::format_to(page.out(), "{}{{service=\"{}\",code=\"{}\"}} {}\n", name,
                     label(service->name), code, count);
    }
  }
}

void times(Page& page, const Core& core) {
  constexpr std::string_view name = "cube_ingress_request_duration_seconds";
  page.family(name, "histogram", "From the head of a request to the end of its reply.");
  for (const auto& service : core.services) {
    const std::string who = label(service->name);
    const Histogram& times = service->times;
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < times.counts.size(); ++i) {
      below += times.counts[i];
      const std::string bound =
          i < Histogram::bounds_us.size()
              ? fmt::format("{}", static_cast<double>(Histogram::bounds_us[i]) / 1e6)
              : "+Inf";
      fmt::format_to(page.out(), "{}_bucket{{service=\"{}\",le=\"{}\"}} {}\n", name, who, bound,
                     below);
    }
    fmt::format_to(page.out(), "{0}_sum{{service=\"{1}\"}} {2}\n{0}_count{{service=\"{1}\"}} {3}\n",
                   name, who, static_cast<double>(times.sum_us) / 1e6, below);
  }
}

void totals(Page& page, const Core& core) {
  page.one("cube_ingress_connections", "gauge", "Client connections that are open.",
           core.sessions.size());
  page.one("cube_ingress_accepted_total", "counter", "Client connections taken.", core.accepted);
  page.one("cube_ingress_refused_connections_total", "counter",
           "Client connections closed at once: there were too many.", core.refused_connections);
  page.one("cube_ingress_bad_requests_total", "counter",
           "Requests refused for their form, before they had a service.", core.bad_requests);
  page.one("cube_ingress_unrouted_total", "counter", "Requests that no route matched.",
           core.unrouted);
  page.one("cube_ingress_connects_total", "counter", "Connections opened to replicas.",
           core.connects);
  page.one("cube_ingress_reuses_total", "counter", "Requests that went on a kept connection.",
           core.reuses);
  page.one("cube_ingress_route_conflicts", "gauge",
           "Routes that two services claim; the first in the table has it.", core.conflicts.size());
  page.one("cube_ingress_closed_ports", "gauge", "Ports of services that cannot be listened on.",
           core.closed_ports.size());
  page.one("cube_ingress_access_log_dropped_total", "counter",
           "Times that lines of the access log were dropped: it is too slow.",
           core.access_log.dropped());
}

}  // namespace

std::string metrics_of(const Core& core) {
  Page page;
  totals(page, core);
  codes(page, core);
  times(page, core);
  each_service(page, core, "cube_ingress_in_flight", "gauge", "Requests under way.",
               [](const Service& s) { return s.in_flight; });
  each_service(page, core, "cube_ingress_retries_total", "counter", "Attempts after the first.",
               [](const Service& s) { return s.retries; });
  each_service(page, core, "cube_ingress_limited_total", "counter",
               "Requests answered 429: their client had too many.",
               [](const Service& s) { return s.limited; });
  each_service(page, core, "cube_ingress_cut_total", "counter",
               "Replies that did not reach their end.", [](const Service& s) { return s.cut; });
  each_service(page, core, "cube_ingress_received_bytes_total", "counter",
               "Bytes of request bodies.", [](const Service& s) { return s.bytes_in; });
  each_service(page, core, "cube_ingress_sent_bytes_total", "counter", "Bytes of reply bodies.",
               [](const Service& s) { return s.bytes_out; });
  each_replica(page, core, "cube_ingress_replica_requests_total", "counter", "Attempts on it.",
               [](const Replica& r) { return r.requests; });
  each_replica(page, core, "cube_ingress_replica_failures_total", "counter",
               "Attempts that failed by its fault.", [](const Replica& r) { return r.failures; });
  each_replica(page, core, "cube_ingress_replica_in_flight", "gauge", "Requests under way on it.",
               [](const Replica& r) { return r.in_flight; });
  each_replica(page, core, "cube_ingress_replica_ejected", "gauge",
               "1: it failed repeatedly and is left out for a while.", [&core](const Replica& r) {
                 return r.health.state(core.reactor.now()) == Health::State::good ? 0 : 1;
               });
  return std::move(page.text);
}

api::RouteReport report_of(const Core& core) {
  api::RouteReport report;
  for (const auto& service : core.services) {
    auto& told = report.services.emplace_back();
    told.id = service->id;
    told.requests = service->requests;
    told.counted = service->counted;
    told.in_flight = service->in_flight;
    told.since = service->since;
    for (const auto& replica : service->replicas) {
      told.replicas.push_back({replica->spec.task, replica->requests, replica->in_flight});
    }
  }
  for (const auto& [port, why] : core.closed_ports) report.refused.push_back({port, why});
  return report;
}

}  // namespace cube::ingress
