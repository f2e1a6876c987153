#!/usr/bin/env bats
# Services of a real manager through the ingress inside it: reached by alias and host, and replaced,
# scaled and removed under load without a failed request.

load helper

setup_file() {
  ingress_port=$(free_port)
  export ingress_port
  two_node_cluster --ingress-port "$ingress_port"
}
teardown_file() { end_cluster; }

spec() { # REPLICAS VALUE
  echo "{\"Name\":\"web\",\"Replicas\":$1,\"Update\":{\"Monitor\":\"0s\"},\"Task\":{\"Image\":\"$echo_image\",
    \"Env\":[\"V=$2\"],\"ExposedPorts\":{\"7777/tcp\":{}},
    \"HealthCheck\":{\"Path\":\"/health\",\"Interval\":\"200ms\"}},
    \"Ingress\":{\"Hosts\":[\"web.example.com\"]}}"
}
service_is() { curl -fsS "$api/services/web" | jq -e "$1" >/dev/null; }
through() { # CURL_ARGUMENTS... PATH: the status
  curl -s -o /dev/null --max-time 20 -w '%{http_code}\n' "${@:1:$#-1}" \
    "http://127.0.0.1:$ingress_port${*: -1}"
}
answers() { [ "$(through "$@")" = 200 ]; }

@test "a service is reached by its alias and its host" {
  curl -fsS -d "$(spec 2 1)" "$api/services" >/dev/null
  eventually 60 service_is '.Status.Ready == 2'
  alias=$(curl -fsS "$api/services/web" | jq -r .Alias)
  eventually 10 answers "/$alias/health"
  answers -H "Host: web.example.com" /health
  [ "$(through /health)" = 404 ]
}

@test "an update under load fails no request" {
  touch "$dir/load"
  while [ -e "$dir/load" ]; do
    through -H "Host: web.example.com" /health
  done >"$dir/codes" 3>&- &
  local client=$!
  curl -fsS -X PUT -d "$(spec 2 2)" "$api/services/web" >/dev/null
  eventually 90 service_is '.TaskVersion == 2 and .Status.State == "stable" and .Status.Updated == 2'
  curl -fsS -d '{"Replicas":1}' "$api/services/web/scale" >/dev/null
  eventually 60 service_is '.Status.Ready == 1 and .Status.Running == 1'
  rm "$dir/load"
  wait "$client"
  sort "$dir/codes" | uniq -c
  [ "$(sort -u "$dir/codes")" = 200 ]
}

@test "the manager's metrics have the ingress's, by service" {
  local page requests
  page=$(curl -fsS "$api/metrics")
  grep -q '^cube_manager_epoch ' <<<"$page"
  requests=$(sed -n 's/^cube_ingress_requests_total{service="web",code="200"} //p' <<<"$page")
  [ "$requests" -ge "$(grep -c 200 "$dir/codes")" ]
  [ "$(sed -n 's/^cube_ingress_request_duration_seconds_count{service="web"} //p' <<<"$page")" -ge "$requests" ]
  [ "$(sed -n 's/^cube_ingress_in_flight{service="web"} //p' <<<"$page")" = 0 ]
  grep -q '^cube_ingress_manager_up 1$' <<<"$page"
}

@test "a service that is gone is 404" {
  curl -fsS -X DELETE "$api/services/web" >/dev/null
  gone() { [ "$(through -H "Host: web.example.com" /health)" = 404 ]; }
  eventually 60 gone
}
