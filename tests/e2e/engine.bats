#!/usr/bin/env bats
# An engine of its own for each test, so that it can be hung, restarted and ended.

load helper

setup() {
  new_cluster
  engine_dir=$BATS_TEST_TMPDIR/engine
  mkdir -p "$engine_dir"
  # A bridge of its own: an engine told to have none takes away the machine's docker0.
  bridge=cube$RANDOM
  ip link add "$bridge" type bridge
  ip addr add "10.$((100 + RANDOM % 100)).$((RANDOM % 250)).1/24" dev "$bridge"
  ip link set "$bridge" up
  export DOCKER_HOST=unix://$engine_dir/docker.sock
}
teardown() {
  kill -CONT "$engine_pid" 2>/dev/null || true
  end_cluster || true
  end_engine TERM
  umount "$engine_dir"/root/*/*/merged "$engine_dir/root" 2>/dev/null || true
  ip link del "$bridge"
  rm -rf "${dir:?}"/n1 "$dir"/n1.* "$dir"/manager*
}

start_engine() {
  dockerd -H "$DOCKER_HOST" --data-root "$engine_dir/root" --exec-root "$engine_dir/exec" \
    --pidfile "$engine_dir/pid" --bridge "$bridge" --iptables=false "$@" >>"$engine_dir/log" 2>&1 3>&- &
  engine_pid=$!
  eventually 60 docker version
}
end_engine() {
  [ -n "${engine_pid:-}" ] || return 0
  kill "-$1" "$engine_pid" 2>/dev/null || return 0
  while kill -0 "$engine_pid" 2>/dev/null; do sleep 0.05; done
}
load_image() { docker -H unix:///var/run/docker.sock save "$1" | docker load >/dev/null; }

cluster_of_one() {
  start_worker n1
  start_manager --workers "127.0.0.1:$(worker_port n1)"
}
task() { printf '{"Name":"%s","Image":"%s","Command":["sleep","1000"],"RestartPolicy":"on-failure:1"}' "$1" "$box_image"; }
running() { [ "$(curl -fsS "$api/tasks" | jq '[.[] | select(.State == 2)] | length')" = "$1" ]; }
# So many tasks run, each restarted so many times at least.
restarted() {
  [ "$(curl -fsS "$api/tasks" |
    jq --argjson times "$2" '[.[] | select(.State == 2 and .RestartCount >= $times)] | length')" = "$1" ]
}
node_says() { [[ $(curl -fsS "$api/nodes" | jq -r '.[0].State + " " + .[0].Reason') == *$1* ]]; }

@test "a worker starts without an engine, says so, and serves when the engine comes" {
  start_engine
  load_image "$box_image"
  end_engine TERM
  cluster_of_one
  eventually 20 node_says "docker.sock"
  id=$(submit "$(task early)")
  [ "$(field "$id" State)" = 0 ]
  [[ $(field "$id" Reason) == *"not ready"* ]]
  start_engine
  eventually 40 task_is "$id" State 2
}

@test "an engine's restart brings every task back, and is not counted as their fault" {
  start_engine
  load_image "$box_image"
  load_image timboring/echo-server:latest
  cluster_of_one
  eventually 20 nodes_ready 1
  for i in 1 2 3; do submit "$(task "t$i")" >/dev/null; done
  # these end with exit code 0 when the engine stops them, which under their policy would be for good
  for i in 1 2; do submit "{\"Name\":\"e$i\",\"Image\":\"timboring/echo-server:latest\"}" >/dev/null; done
  eventually 40 running 5
  end_engine TERM
  start_engine
  eventually 60 restarted 5 1
  [ "$(curl -fsS "$api/tasks" | jq '[.[] | select(.Attempt == 1)] | length')" = 5 ]
  # once more: with on-failure:1 a counted failure would have used up the one restart
  end_engine TERM
  start_engine
  eventually 60 restarted 5 2
}

@test "a hung engine is noticed, tasks are kept, and it is believed again when it answers" {
  start_engine
  load_image "$box_image"
  cluster_of_one
  eventually 20 nodes_ready 1
  id=$(submit "$(task one)")
  eventually 40 task_is "$id" State 2
  container=$(container_of "$id")
  kill -STOP "$engine_pid"
  eventually 60 node_says "engine-down"
  [ "$(field "$id" State)" = 2 ]
  kill -CONT "$engine_pid"
  eventually 60 nodes_ready 1
  [ "$(field "$id" State)" = 2 ]
  [ "$(container_of "$id")" = "$container" ]
}
