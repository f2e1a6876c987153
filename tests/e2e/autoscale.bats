#!/usr/bin/env bats
# Replicas by what is measured on real containers: by the requests of a time (the Container
# Orchestrator's rule), by their rate, by usage. Up and down again, and the numbers in the event.

load helper

setup_file() {
  ingress_port=$(free_port)
  export ingress_port
  two_node_cluster --ingress-port "$ingress_port"
}
teardown_file() {
  end_cluster
  docker volume rm -f "$cluster-load" >/dev/null
}
teardown() { events || true; }

events() { "$cube" events --since 0 -o json 2>/dev/null | jq -r 'select(.Kind == "service.autoscaled") | .Text'; }
has_event() { events | grep -E "$1"; }
service_is() { curl -fsS "$api/services/$1" | jq -e "$2" >/dev/null; }
running_is() { [ "$(docker ps -q --filter "label=cube.cluster=$cluster" | wc -l)" = "$1" ]; } # by the engine

@test "the Container Orchestrator's rule: n div 20 + 1 containers for the requests of a time" {
  local port start event asked to
  port=$(free_port)
  start=$(free_ports 4)
  cat >"$dir/acts.json" <<JSON
{"Name": "acts", "Image": "$echo_image", "Port": $port, "StartingPort": $start, "ContainerPort": 7777,
 "HealthCheckPath": "/health", "HealthCheckInterval": "3s", "ScalingInterval": "5s", "Maximum": 4}
JSON
  "$cube" orchestrate -f "$dir/acts.json"
  answers() { curl -fsS --max-time 5 "http://127.0.0.1:$port/health" >/dev/null; }
  eventually 60 answers
  version=$("$cube" service inspect acts | jq -r .Version)

  # 45 requests, and 30 for its health, which do not count.
  curl -fsS "http://127.0.0.1:$port/?[1-45]" "http://127.0.0.1:$port/health?[1-30]" >"$dir/answers"
  [ "$(grep -c hello "$dir/answers")" = 45 ]
  scaled='^from 1 to [23]: [0-9]+ requests in 5s; [0-9]+ / 20 \+ 1 replicas$'
  eventually 60 has_event "$scaled"
  event=$(has_event "$scaled" | head -n 1)
  asked=$(sed 's/.*: \([0-9]*\) requests.*/\1/' <<<"$event")
  to=$(sed 's/from 1 to \([0-9]*\):.*/\1/' <<<"$event")
  [ "$asked" -le 45 ]
  [ "$to" = $((asked / 20 + 1)) ]
  [[ $event == *"; $asked / 20 + 1 replicas" ]]

  # The time after that saw none: the highest port goes first.
  eventually 120 has_event "^from [234] to 1: [0-9]+ requests in 5s"
  eventually 120 service_is acts '.Spec.Replicas == 1 and .Status.Running == 1'
  eventually 60 running_is 1
  eventually 60 curl -fsS --max-time 5 "http://127.0.0.1:$start/health"

  # How many there are was nobody's change of the spec.
  [ "$("$cube" service inspect acts | jq -r .Version)" = "$version" ]
  "$cube" service rm --wait acts
}

@test "by rate: as many as the requests of a second ask for, and a plan shows nothing of it" {
  cat >"$dir/rate.yaml" <<YAML
Name: rate
Task: {Image: "$echo_image", ExposedPorts: {7777/tcp: {}}}
Update: {Monitor: 0s}
Drain: 1s
Autoscale: {By: rate, Min: 1, Max: 3, PerReplica: 10, Interval: 2s}
Ingress: {Hosts: [rate.example.com]}
YAML
  "$cube" apply -f "$dir/rate.yaml"
  version=$("$cube" service inspect rate | jq -r .Version)
  answers() { curl -fsS --max-time 5 -H "Host: rate.example.com" "http://127.0.0.1:$ingress_port/" >/dev/null; }
  eventually 60 answers
  "$LOAD_BIN" "127.0.0.1:$ingress_port" rate.example.com / 10 >"$dir/load.out" 2>&1 3>&- &
  echo $! >"$dir/load.pid"
  eventually 120 has_event '^from [12] to 3: [0-9.]+ requests a second; 10 for each replica$'
  eventually 120 service_is rate '.Status.Ready == 3'

  # The file says nothing of 3, and asks for no change; whoever read the version before may change it.
  run "$cube" plan -f "$dir/rate.yaml"
  [ "$output" = "= rate: nothing changes" ]
  [ "$status" = 0 ]
  run "$cube" service update --if-version "$version" --env A=1 rate
  echo "$output"
  [ "$status" = 0 ]
  end load
  [ "$(grep -c FAILED "$dir/load.out")" = 0 ]
  eventually 120 has_event '^from [23] to 1: [0-9.]+ requests a second; 10 for each replica$'
  eventually 120 service_is rate '.Spec.Replicas == 1 and .Status.Running == 1'
  "$cube" service rm --wait rate
}

# By memory: what a busy machine leaves of its CPU to a container is nothing to rely on.
@test "by usage: full containers get more beside them, empty ones fewer" {
  # Full while there is a file in their volume.
  cat >"$dir/full.yaml" <<YAML
Name: full
Task:
  Image: $box_image
  Command:
    - sh
    - -c
    - |
      while :; do
        if [ ! -e /load/on ]; then rm -f /dev/shm/much
        elif [ ! -e /dev/shm/much ]; then dd if=/dev/zero of=/dev/shm/much bs=1M count=30
        fi
        sleep 1
      done
  Memory: 40MiB
  StopGracePeriod: 1s
Update: {Monitor: 0s}
Autoscale: {By: usage, Min: 1, Max: 2, High: 60, Low: 30, Interval: 5s}
Volume: {Name: $cluster-load, Target: /load}
YAML
  "$cube" apply -f "$dir/full.yaml"
  in_volume() {
    docker run --rm --label "cube.cluster=$cluster" -v "$cluster-load:/load" "$box_image" "$@"
  }
  in_volume touch /load/on
  eventually 120 has_event '^from 1 to 2: CPU [0-9]+ %, memory [6-9][0-9] % on average of 1; 60 % or more: one more$'
  eventually 120 running_is 2
  in_volume rm /load/on
  eventually 120 has_event '^from 2 to 1: CPU [0-9]+ %, memory [0-9]+ % on average of 2; both under 30 %: one less$'
  eventually 120 running_is 1
  "$cube" service rm --wait full
}
