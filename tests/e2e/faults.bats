#!/usr/bin/env bats
# What must survive, on real Docker: containers, workers and managers killed at bad moments.

load helper

setup() {
  two_node_cluster --node-deadline 3s
}
teardown() {
  end_cluster
  rm -rf "${dir:?}"/n1 "$dir"/n2 "$dir"/n1.* "$dir"/n2.* "$dir"/manager*
}

web() { printf '{"Name":"%s","Image":"%s","RestartPolicy":"always"}' "$1" "$echo_image"; }

all_running() { # COUNT
  [ "$(curl -fsS "$api/tasks" | jq '[.[] | select(.State == 2)] | length')" = "$1" ]
}
pids_and_starts() {
  # shellcheck disable=SC2046
  docker inspect -f '{{.Id}} {{.State.Pid}} {{.State.StartedAt}}' $(containers) | sort
}

@test "a killed container is back, under the same task and attempt" {
  id=$(submit "$(web one)")
  eventually 20 task_is "$id" State 2
  old=$(container_of "$id")
  docker kill "$old" >/dev/null
  back() { task_is "$id" State 2 && [ "$(container_of "$id")" != "$old" ]; }
  eventually 10 back
  [ "$(field "$id" RestartCount)" = 1 ]
  [ "$(field "$id" Attempt)" = 1 ]
}

@test "a container removed by hand is made again" {
  id=$(submit "$(web one)")
  eventually 20 task_is "$id" State 2
  old=$(container_of "$id")
  docker rm -f "$old" >/dev/null
  back() { task_is "$id" State 2 && [ "$(container_of "$id")" != "$old" ]; }
  eventually 10 back
}

@test "a killed worker finds its containers again: same PIDs, nothing restarted" {
  for i in 1 2 3 4 5 6; do submit "$(web "w$i")" >/dev/null; done
  eventually 30 all_running 6
  before=$(pids_and_starts)
  end n1 KILL
  start_worker n1
  eventually 20 nodes_ready 2
  eventually 20 all_running 6
  [ "$(pids_and_starts)" = "$before" ]
}

@test "a worker and its containers gone for good: the tasks run on the other node" {
  for i in 1 2 3 4; do submit "$(web "w$i")" >/dev/null; done
  eventually 30 all_running 4
  on_n1=$(curl -fsS "$api/tasks" | jq '[.[] | select(.Node == "n1")] | length')
  [ "$on_n1" -gt 0 ]
  end n1 KILL
  # shellcheck disable=SC2046
  docker rm -f $(docker ps -aq --filter "label=cube.cluster=$cluster" --filter label=cube.node=n1) >/dev/null
  moved() { [ "$(curl -fsS "$api/tasks" | jq '[.[] | select(.Node == "n2" and .State == 2)] | length')" = 4 ]; }
  eventually 30 moved
}

@test "a worker that was away stops what now runs elsewhere when it returns" {
  for i in 1 2 3 4; do submit "$(web "w$i")" >/dev/null; done
  eventually 30 all_running 4
  end n1 KILL
  moved() { [ "$(curl -fsS "$api/tasks" | jq '[.[] | select(.Node == "n2" and .State == 2)] | length')" = 4 ]; }
  eventually 30 moved
  start_worker n1
  n1_empty() { [ -z "$(docker ps -aq --filter "label=cube.cluster=$cluster" --filter label=cube.node=n1)" ]; }
  eventually 20 n1_empty
  eventually 10 all_running 4
}

@test "a manager killed in mid-deploy forgets nothing and starts nothing twice" {
  for i in $(seq 1 12); do
    submit "$(web "w$i")" >/dev/null
    if [ "$i" = 8 ]; then end manager KILL & fi
    if [ "$i" = 8 ]; then break; fi
  done
  wait %% 2>/dev/null || true
  end manager KILL
  start_manager --workers "127.0.0.1:$(worker_port n1),127.0.0.1:$(worker_port n2)" --node-deadline 3s
  eventually 30 all_running 8
  [ "$(containers | wc -l)" = 8 ]
  [ "$(curl -fsS "$api/tasks" | jq '[.[] | select(.Attempt == 1 and .RestartCount == 0)] | length')" = 8 ]
}

@test "a manager's restart changes nothing for running containers, and it can still stop them" {
  id=$(submit "$(web one)")
  eventually 20 task_is "$id" State 2
  before=$(pids_and_starts)
  end manager TERM
  start_manager --workers "127.0.0.1:$(worker_port n1),127.0.0.1:$(worker_port n2)"
  eventually 20 nodes_ready 2
  eventually 20 task_is "$id" State 2
  [ "$(pids_and_starts)" = "$before" ]
  curl -fsS -X DELETE "$api/tasks/$id"
  eventually 20 task_is "$id" State 3
  none_left() { [ -z "$(containers)" ]; }
  eventually 20 none_left
}

@test "a worker without its manager goes on restarting what fails" {
  id=$(submit "$(web one)")
  eventually 20 task_is "$id" State 2
  old=$(container_of "$id")
  end manager KILL
  docker kill "$old" >/dev/null
  another_runs() {
    local now
    now=$(docker ps -q --no-trunc --filter "label=cube.task=$id")
    [ -n "$now" ] && [ "$now" != "$old" ]
  }
  eventually 10 another_runs
}

@test "stopping while the node is away is remembered and carried out when it returns" {
  id=$(submit "$(web one)")
  eventually 20 task_is "$id" State 2
  node=$(field "$id" Node)
  end "$node" KILL
  [ "$(status_of -X DELETE "$api/tasks/$id")" = 204 ]
  [ -n "$(docker ps -q --filter "label=cube.task=$id")" ]
  start_worker "$node"
  gone() { [ -z "$(docker ps -aq --filter "label=cube.task=$id")" ]; }
  eventually 30 gone
  eventually 20 task_is "$id" State 3
}
