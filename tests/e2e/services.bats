#!/usr/bin/env bats
# Services on real Docker through the command line: each test goes on from the one before.

load helper

setup_file() { two_node_cluster; }
teardown_file() { end_cluster; }

web_file() { # REPLICAS GREETING [IMAGE [COMMAND]]
  cat >"$dir/web.yaml" <<YAML
Name: web
Task:
  Image: ${3:-$echo_image}
  ExposedPorts: {7777/tcp: {}}
  HealthCheck: {Type: http, Path: /health, Interval: 200ms}
  Env: [GREETING=$2]
  Command: ${4:-[]}
Replicas: $1
Update: {Monitor: 500ms, Parallelism: 1}
Drain: 1s
YAML
}
status_is() { [ "$(curl -fsS "$api/services/web" | jq -r ".Status.$1")" = "$2" ]; }
running() { docker ps -q --filter "label=cube.cluster=$cluster" | wc -l; }
running_is() { [ "$(running)" = "$1" ]; }

# Writes down the least number of ready replicas until it is ended.
watch_capacity() {
  local least=99 now
  while :; do
    now=$(curl -fsS "$api/services/web" | jq -r .Status.Ready) || continue
    [ "$now" -ge "$least" ] || { least=$now; echo "$least" >"$dir/least"; }
  done 3>&-
}
begin_watch() { rm -f "$dir/least"; watch_capacity >/dev/null 2>&1 & watcher=$!; eventually 10 test -s "$dir/least"; }
end_watch() { kill "$watcher"; wait "$watcher" 2>/dev/null || true; }

@test "a file with mistakes is refused with line and column, and changes nothing" {
  web_file 3 hello
  sed -i 's/Image:/Imagee:/' "$dir/web.yaml"
  run "$cube" service create -f "$dir/web.yaml"
  [ "$status" = 2 ]
  [ "$output" = "cube: $dir/web.yaml:3:3: Task.Imagee: unknown field; did you mean Image?" ]
  printf 'Name: web\nTask: {Image: x}\nAutoscale: {By: usage, Min: 5, Max: 2}\n' >"$dir/bad.yaml"
  run "$cube" apply -f "$dir/bad.yaml"
  [ "$status" = 2 ]
  [ "$output" = "cube: $dir/bad.yaml:3:24: Autoscale.Min: 5 is more than Max 2" ]
  [ "$("$cube" service ls -q)" = "" ]
}

@test "plan and apply: created, waited for, and then nothing changes" {
  web_file 3 hello
  run "$cube" plan -f "$dir/web.yaml"
  [ "$status" = 1 ]
  [[ $output == "+ web would be created"* ]]
  run "$cube" apply -f "$dir/web.yaml"
  [ "$status" = 0 ]
  [[ ${lines[-1]} == "web ("*") is there: 3 of 3 ready" ]]
  [ "$(running)" = 3 ]
  [ "$(containers --filter label=cube.service=web | wc -l)" = 3 ]
  run "$cube" plan -f "$dir/web.yaml"
  [ "$status" = 0 ]
  [ "$output" = "= web: nothing changes" ]
  [ "$("$cube" service ls -o name)" = web ]
  [ "$("$cube" service ps -o name web | sort | xargs)" = "web.1 web.2 web.3" ]
  [ "$("$cube" service inspect web | jq -r .Status.State)" = stable ]
}

@test "create: the same again is fine, another content is a conflict" {
  web_file 3 hello
  "$cube" service create -f "$dir/web.yaml"
  web_file 3 other
  run "$cube" service create -f "$dir/web.yaml"
  [ "$status" = 5 ]
}

@test "logs of all replicas, each line with its name" {
  run "$cube" service logs --tail 5 web
  [ "$status" = 0 ]
  for slot in 1 2 3; do grep -q "^web\.$slot@[0-9a-f]\{8\} *| " <<<"$output"; done
}

@test "scale up and down" {
  run "$cube" service scale web=4
  [ "$status" = 0 ]
  [ "$(running)" = 4 ]
  run "$cube" service scale web=2
  [ "$status" = 0 ]
  eventually 20 running_is 2
}

@test "update from flags exchanges the replicas, and capacity is kept" {
  begin_watch
  run "$cube" service update --env GREETING=fast web
  end_watch
  [ "$status" = 0 ]
  [[ $output == *"is there: 2 of 2 ready"* ]]
  [ "$(cat "$dir/least")" = 2 ]
  [ "$("$cube" service inspect web | jq -r '.Spec.Task.Env[0]')" = GREETING=fast ]
}

@test "a version that fails: exit code 3, its last lines, and capacity is kept" {
  web_file 2 fast "$box_image" '[sh, -c, "echo cannot open the door; exit 3"]'
  begin_watch
  run "$cube" apply -f "$dir/web.yaml"
  end_watch
  [ "$status" = 3 ]
  [[ $output == *"did not get there: "* ]]
  [[ $output == *"the last lines that it wrote:"*"  cannot open the door"* ]]
  [ "$(cat "$dir/least")" = 2 ]
  status_is State paused
  status_is Ready 2
}

@test "rollback: back to what ran before" {
  run "$cube" service rollback web
  [ "$status" = 0 ]
  status_is State stable
  [ "$("$cube" service inspect web | jq -r .Spec.Task.Image)" = "$echo_image" ]
}

@test "an image that is not there: exit code 3, the reason, and capacity is kept" {
  begin_watch
  run "$cube" service update --image cube-test/nowhere:1 --pull never --deadline 20s web
  end_watch
  [ "$status" = 3 ]
  [[ $output == *nowhere* ]]
  [ "$(cat "$dir/least")" = 2 ]
  "$cube" service rollback web
}

@test "an update of an old version is refused" {
  version=$("$cube" service inspect web | jq -r .Version)
  run "$cube" service update --if-version $((version - 1)) --env A=1 web
  [ "$status" = 5 ]
  [[ $output == *"has version $version, not $((version - 1))"* ]]
  [ "$("$cube" service inspect web | jq -r .Version)" = "$version" ]
}

@test "drain: replacements run before the old ones stop" {
  begin_watch
  run "$cube" node drain --wait n1
  end_watch
  [ "$status" = 0 ]
  [[ $output == *"n1 is drained" ]]
  [ "$(cat "$dir/least")" = 2 ]
  [ "$("$cube" service ps -o json web | jq -r '[.[] | select(.State == 2) | .Node] | unique | join(" ")')" = n2 ]
  [ "$("$cube" node -o json n1 | jq -r '.[0].Availability')" = drain ]
  "$cube" node activate n1
  [ "$("$cube" node -o json n1 | jq -r '.[0].Availability')" = active ]
}

@test "rm --wait leaves nothing" {
  run "$cube" service rm --wait web
  [ "$status" = 0 ]
  [ "$(running)" = 0 ]
  run "$cube" service inspect web
  [ "$status" = 4 ]
}

@test "create with an image that is not there ends by itself, with exit code 3" {
  run "$cube" service create --name none --image cube-test/nowhere:1 --pull never --deadline 20s
  [ "$status" = 3 ]
  [[ $output == *nowhere* ]]
  "$cube" service rm --wait none
}

@test "orchestrate: a small configuration becomes a service at its ports, and follows changes" {
  port=$(free_port)
  cat >"$dir/config.json" <<JSON
{"Name": "acts", "Image": "$echo_image", "Port": 0, "StartingPort": $port, "ContainerPort": 7777,
 "HealthCheckPath": "/health", "Maximum": 3}
JSON
  run "$cube" orchestrate -f "$dir/config.json"
  [ "$status" = 0 ]
  [[ ${lines[-1]} == "acts ("*") is there: 1 of 1 ready" ]]
  curl -fsS "http://127.0.0.1:$port/health"
  [ "$("$cube" service inspect acts | jq -c '.Spec.Autoscale | [.By, .Min, .Max, .PerReplica, .Interval]')" = '["requests",1,3,20,"2m"]' ]
  sed -i 's/"Maximum": 3/"Maximum": 2, "Minimum": 2/' "$dir/config.json"
  run "$cube" orchestrate -f "$dir/config.json"
  [ "$status" = 0 ]
  [[ ${lines[-1]} == *"is there: 2 of 2 ready" ]]
  sed -i 's/Minimum/Minimun/' "$dir/config.json"
  run "$cube" orchestrate -f "$dir/config.json"
  [ "$status" = 2 ]
  [ "$output" = "cube: $dir/config.json:2:46: Minimun: unknown field; did you mean Minimum?" ]
  "$cube" service rm --wait acts
}
