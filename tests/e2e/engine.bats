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

# An engine that was killed can leave things behind on which its next start fails.
engine_up() {
  is_over "$(cat "$engine_dir/process")" && { tail -3 "$engine_dir/log"; run_engine; }
  docker version
}
start_engine() {
  run_engine "$@"
  eventually 60 engine_up
  engine_pid=$(cat "$engine_dir/process")
}
run_engine() {
  dockerd -H "$DOCKER_HOST" --data-root "$engine_dir/root" --exec-root "$engine_dir/exec" \
    --pidfile "$engine_dir/pid" --bridge "$bridge" --iptables=false "$@" >>"$engine_dir/log" 2>&1 3>&- &
  echo $! >"$engine_dir/process"
}
end_engine() {
  [ -n "${engine_pid:-}" ] || return 0
  kill "-$1" "$engine_pid" 2>/dev/null || return 0
  eventually 120 is_over "$engine_pid"
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

# All tasks run; else it says what they do.
all_run() {
  running "$1" || { curl -fsS "$api/tasks" | jq -c '.[] | select(.State != 2) | [.Name, .State, .Observed, .Reason]'; return 1; }
}
# The engine ends by this signal while ten tasks are being started, and comes back.
ends_in_mid_deploy() {
  start_engine
  load_image "$box_image"
  cluster_of_one
  eventually 20 nodes_ready 1
  for i in $(seq 10); do submit "$(task "t$i")" >/dev/null; done
  some_run() { [ "$(docker ps -q | wc -l)" -ge 2 ]; }
  eventually 40 some_run
  end_engine "$1"
  start_engine
  eventually 90 all_run 10
  # on the same attempt, and no end was counted as a task's own: on-failure:1 would show it
  counted=$(curl -fsS "$api/tasks" |
    jq -c '.[] | select(.Attempt != 1 or .Failures != 0) | [.Name, .Attempt, .RestartCount, .Failures, .Failure, .Reason]')
  [ -z "$counted" ] || { echo "counted as the tasks' own: $counted"; grep -v engine "$dir/n1.log" | tail -40; return 1; }
  # one container each: what ended with the engine is gone, or of an earlier restart
  one_each() { [ "$(docker ps --format '{{.Label "cube.task"}}' | sort -u | wc -l) $(docker ps -q | wc -l)" = "10 10" ]; }
  eventually 30 one_each
}

@test "an engine ended by TERM in the middle of a deploy" { ends_in_mid_deploy TERM; }
@test "an engine ended by KILL in the middle of a deploy" { ends_in_mid_deploy KILL; }

# scripts/kill pauses has 5, 20 and 60 s.
@test "an engine that stands still for a while costs no task anything" {
  start_engine
  load_image "$box_image"
  cluster_of_one
  eventually 20 nodes_ready 1
  for i in 1 2 3; do submit "$(task "t$i")" >/dev/null; done
  eventually 40 running 3
  before=$(docker ps -q --no-trunc | sort)
  for seconds in ${CUBE_TEST_ENGINE_PAUSES:-5}; do
    kill -STOP "$engine_pid"
    sleep "$seconds"
    kill -CONT "$engine_pid"
    eventually 60 nodes_ready 1
    # and it works again
    id=$(submit "$(task more)")
    eventually 40 task_is "$id" State 2
    curl -fsS -X DELETE "$api/tasks/$id"
    as_before() { [ "$(docker ps -q --no-trunc | sort)" = "$before" ] && running 3; }
    eventually 40 as_before
    [ "$(curl -fsS "$api/tasks" | jq '[.[] | select(.State == 2 and .Attempt == 1 and .RestartCount == 0)] | length')" = 3 ]
  done
}
