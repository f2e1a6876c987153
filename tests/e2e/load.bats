#!/usr/bin/env bats
# One run under constant load through the ingress, in which everything happens to a service that is
# part of its life: an update, scaling, a crash, a node that is emptied. GET and POST, on kept and on
# new connections; no request may fail. The tests are its parts, in order.

load helper

setup_file() {
  ingress_port=$(free_port)
  export ingress_port
  two_node_cluster --ingress-port "$ingress_port"
  curl -fsS -d "$(spec 6 1)" "$api/services" >/dev/null
  eventually 120 service_is '.Status.State == "stable" and .Status.Ready == 6'
  eventually 60 answers
  "${LOAD_BIN:?set LOAD_BIN to load_client}" "127.0.0.1:$ingress_port" web.example.com / >"$dir/load.out" 2>&1 3>&- &
  echo $! >"$dir/load.pid"
  some_more_requests
}
teardown_file() { end_cluster; }
teardown() { grep FAILED "$dir/load.out" | sort | uniq -c || true; }

spec() { # REPLICAS VALUE
  echo "{\"Name\":\"web\",\"Replicas\":$1,\"Update\":{\"Monitor\":\"0s\",\"Parallelism\":2},
    \"Task\":{\"Image\":\"$echo_image\",\"Env\":[\"V=$2\"],\"ExposedPorts\":{\"7777/tcp\":{}},
    \"RestartPolicy\":\"always\",\"HealthCheck\":{\"Path\":\"/health\",\"Interval\":\"500ms\"}},
    \"Ingress\":{\"Hosts\":[\"web.example.com\"]}}"
}
service_is() { curl -fsS "$api/services/web" | jq -e "$1" >/dev/null; }
answers() { curl -fsS --max-time 5 -H "Host: web.example.com" "http://127.0.0.1:$ingress_port/" >/dev/null; }
replicas_on() { "$cube" service ps -o json web | jq -r "[.[] | select(.State == 2 and .Node == \"$1\")] | length"; }

requests() { awk '/ requests, / {n = $1} END {print n + 0}' "$dir/load.out"; }
failures() { grep -c FAILED "$dir/load.out" || true; }
more_requests_than() { [ "$(requests)" -gt "$1" ]; }
# What just happened was met by requests.
some_more_requests() { eventually 60 more_requests_than $(($(requests) + 40)); }
no_failures() {
  some_more_requests
  [ "$(failures)" = 0 ]
}
scale() { # REPLICAS: and waits until so many run, and no more
  curl -fsS -d "{\"Replicas\":$1}" "$api/services/web/scale" >/dev/null
  eventually 120 service_is ".Status.Ready == $1 and .Status.Running == $1"
}

@test "a rolling update of six replicas fails no request" {
  curl -fsS -X PUT -d "$(spec 6 2)" "$api/services/web" >/dev/null
  eventually 180 service_is '.Status.State == "stable" and .Status.Updated == 6 and .Status.Running == 6'
  no_failures
}

@test "scaling from two to eight and back fails no request" {
  scale 2
  scale 8
  scale 2
  no_failures
}

@test "a node that is drained fails no request" {
  scale 6
  [ "$(replicas_on n1)" -gt 0 ]
  run timeout 180 "$cube" node drain --wait n1
  [ "$status" = 0 ]
  [ "$(replicas_on n1)" = 0 ]
  eventually 120 service_is '.Status.Ready == 6 and .Status.Running == 6'
  "$cube" node activate n1
  no_failures
}

# Last: a POST that a replica has taken may be lost with it, and nobody may send it twice.
@test "a replica that is killed fails no GET, and of the POSTs only what it had taken" {
  local id container
  id=$(curl -fsS "$api/services/web/tasks" | jq -r '[.[] | select(.State == 2)][0].ID')
  container=$(container_of "$id")
  docker kill "$container" >/dev/null
  another_container() { [ "$(container_of "$id")" != "$container" ]; }
  eventually 120 another_container
  eventually 120 service_is '.Status.Ready == 6'
  some_more_requests
  [ "$(grep FAILED "$dir/load.out" | grep -vc 'FAILED POST .*: 502 ' || true)" = 0 ]
  # Each of two clients may have had one under way; after a failure GETs find out whether it is back.
  [ "$(failures)" -le 3 ]
}

@test "the account is right: the client saw every request through" {
  before=$(failures)
  end load
  grep -q " requests, $before failed" <(tail -n 1 "$dir/load.out")
}
