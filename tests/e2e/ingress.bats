# `cube ingress` in front of real containers: one that is killed under load, a manager that goes away,
# an ingress that is replaced under load. The manager is a small one that knows only the routes.

setup_file() {
  load helper
  new_cluster
  local i
  for i in 1 2; do
    docker run -d --label "cube.cluster=$cluster" --name "$cluster-echo-$i" -p 127.0.0.1::7777 \
      "$echo_image" >/dev/null
  done
  start_routes "$(echo_address 1),$(echo_address 2)"
  ingress_port=$(free_port)
  metrics_port=$(free_port)
  export ingress_port metrics_port
  start_ingress first --metrics-port "$metrics_port"
}
setup() { load helper; }
teardown_file() {
  load helper
  end_cluster
}

echo_address() { docker port "$cluster-echo-$1" 7777/tcp | head -n 1; }

start_routes() { # ADDRESSES
  "$INGRESS_BENCH_BIN" --port "$manager_port" --replicas "$1" >>"$dir/routes.log" 2>&1 3>&- &
  echo $! >"$dir/routes.pid"
}

start_ingress() { # NAME ARGUMENTS...
  local name=$1
  shift
  "$cube" ingress -m "127.0.0.1:$manager_port" --port "$ingress_port" --share-port \
    --access-log "$dir/access.json" "$@" >>"$dir/$name.log" 2>&1 3>&- &
  echo $! >"$dir/$name.pid"
  eventually 20 ingress_has_routes "$name"
}
ingress_has_routes() { grep -q "routes come from the manager" "$dir/$1.log"; }

get() { curl -sS --max-time 10 -o /dev/null -w '%{http_code}\n' "http://127.0.0.1:$ingress_port/health"; }
metric() { curl -fsS "http://127.0.0.1:$metrics_port/metrics" | awk -v name="$1" '$1 == name {print $2}'; }
metric_is() { [ "$(metric "$1")" = "$2" ]; }

# load_while FILE: a client that asks on new connections until FILE is gone; prints what it got.
load_while() {
  while [ -e "$1" ]; do get 2>&1; done | sort | uniq -c
}

@test "requests reach containers, bodies too, and are logged" {
  [ "$(get)" = 200 ]
  run curl -fsS -d '{"Msg":"hello"}' "http://127.0.0.1:$ingress_port/"
  [[ "$output" == *hello* ]]
  eventually 10 grep -q '"method":"POST"' "$dir/access.json"
  run jq -r 'select(.method == "POST") | .status' "$dir/access.json"
  [ "$output" = 200 ]
  [ "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$metrics_port/healthz")" = 200 ]
}

@test "a container that is killed under load costs no GET" {
  touch "$dir/load-1"
  load_while "$dir/load-1" >"$dir/got-1" 3>&- &
  local client=$!
  docker kill "$cluster-echo-1" >/dev/null
  local before
  before=$(grep -c . "$dir/access.json")
  more_requests() { [ "$(grep -c . "$dir/access.json")" -gt $((before + 50)) ]; }
  eventually 60 more_requests
  rm "$dir/load-1"
  wait "$client"
  cat "$dir/got-1"
  [ "$(awk '{print $2}' "$dir/got-1")" = 200 ]
}

@test "an ingress is replaced under load without a refused connection" {
  touch "$dir/load-2"
  load_while "$dir/load-2" >"$dir/got-2" 3>&- &
  local client=$!
  start_ingress second --metrics-port 0
  end first
  [ "$(get)" = 200 ]
  rm "$dir/load-2"
  wait "$client"
  cat "$dir/got-2"
  [ "$(awk '{print $2}' "$dir/got-2")" = 200 ]
}

@test "a manager that is away leaves the routes as they were, and comes back" {
  end routes KILL
  eventually 20 grep -q "the last known stay in force" "$dir/second.log"
  [ "$(get)" = 200 ]
  start_routes "$(echo_address 2)"
  routes_are_back() { [ "$(grep -c "routes come from the manager" "$dir/second.log")" -ge 2 ]; }
  eventually 20 routes_are_back
  [ "$(get)" = 200 ]
}

@test "a port that is taken is an error at the start" {
  run timeout 20 "$cube" ingress -m "127.0.0.1:$manager_port" --port "$ingress_port" --metrics-port 0
  [ "$status" -eq 1 ]
  [[ "$output" == *"127.0.0.1:$ingress_port is already in use"* ]]
}
