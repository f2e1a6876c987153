#!/usr/bin/env bats
# Replicas on consecutive host ports with one volume, on real Docker: each comes back at its own port,
# whatever ended it, and what was written is still there.

load helper

setup_file() {
  two_node_cluster
  start=$(free_ports 4)
  export start
  cat >"$dir/web.yaml" <<YAML
Name: web
Task:
  Image: $box_image
  Command: [sh, -c, "mkdir -p /tmp/www && echo fine >/tmp/www/health && ln -s /data /tmp/www/data && hostname >/tmp/www/host && exec httpd -f -p 7777 -h /tmp/www"]
  StopGracePeriod: 1s
  HealthCheck: {Type: http, Path: /health, Port: 7777, Interval: 300ms, Retries: 2}
Replicas: 3
Update: {Monitor: 0s}
Drain: 1s
PortRange: {Start: $start, Port: 7777/tcp}
Volume: {Name: $cluster-data, Target: /data}
YAML
  "$cube" apply --timeout 3m -f "$dir/web.yaml"
}
teardown_file() {
  end_cluster
  docker volume rm -f "$cluster-data" >/dev/null
}
teardown() { "$cube" service ps web 2>/dev/null || true; }

service_is() { curl -fsS "$api/services/web" | jq -e "$1" >/dev/null; }
get() { curl -fsS --max-time 5 "http://127.0.0.1:$((start + $1 - 1))/$2"; } # SLOT PATH
container() { # SLOT: the one that runs, by the engine
  docker ps -q --no-trunc --filter "label=cube.cluster=$cluster" --filter "publish=$((start + $1 - 1))"
}
# What answers at the slot's port is another container than before.
replaced() { # SLOT CONTAINER
  local now
  now=$(container "$1")
  [ -n "$now" ] && [ "$now" != "$2" ] && [ "$(get "$1" host)" = "${now:0:12}" ]
}

@test "replicas are at consecutive ports" {
  local slot
  for slot in 1 2 3; do
    [ "$(get "$slot" health)" = fine ]
    [ "$(get "$slot" host)" = "$(container "$slot" | cut -c1-12)" ]
  done
  [ "$(for slot in 1 2 3; do get "$slot" host; done | sort -u | wc -l)" = 3 ]
}

@test "a local volume on two nodes is a warning, and no failure" {
  run "$cube" service scale web=3
  [ "$status" = 0 ]
  [[ $output == *"warning: web ("*"): volume $cluster-data is local to each node: its replicas on n1, n2 do not"* ]]
  [ "$("$cube" service inspect web | jq '.Status.Warnings | length')" = 1 ]
  [ "$("$cube" events --since 0 -o json | jq -r 'select(.Kind == "service.warning") | .Name')" = web ]
}

@test "a container that is removed by force is replaced at its port, and no other is touched" {
  local before others
  before=$(container 2) others="$(container 1) $(container 3)"
  docker rm -f "$before" >/dev/null
  eventually 120 replaced 2 "$before"
  eventually 120 service_is '.Status.Ready == 3'
  [ "$(container 1) $(container 3)" = "$others" ]
}

@test "a container whose health check fails is replaced at its port" {
  local before
  before=$(container 3)
  docker exec "$before" rm /tmp/www/health
  eventually 120 replaced 3 "$before"
  eventually 120 service_is '.Status.Ready == 3'
  [ "$(get 3 health)" = fine ]
}

@test "what is in the volume survives replacement and scaling" {
  local before
  before=$(container 1)
  docker exec "$before" sh -c 'echo kept >/data/note'
  [ "$(get 2 data/note)" = kept ]
  docker rm -f "$before" >/dev/null
  eventually 120 replaced 1 "$before"
  eventually 60 get 1 data/note
  [ "$(get 1 data/note)" = kept ]

  "$cube" service scale --timeout 3m web=1
  only_the_first() { [ -z "$(container 2)$(container 3)" ]; }
  eventually 60 only_the_first
  "$cube" service scale --timeout 3m web=4
  [ "$(get 4 data/note)" = kept ]
  docker exec "$(container 4)" sh -c 'echo more >>/data/note'
  [ "$(get 1 data/note)" = "$(printf 'kept\nmore')" ]
}
