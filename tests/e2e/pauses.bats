#!/usr/bin/env bats
# Daemons that stand still (SIGSTOP), for less and for more than their deadline. How long can be
# set: scripts/kill pauses has 5, 20 and 60 s with the default deadline of 10 s.

load helper

deadline=${CUBE_TEST_DEADLINE:-4}
short=${CUBE_TEST_SHORT_PAUSE:-1}
longs=${CUBE_TEST_LONG_PAUSES:-7}

setup() {
  two_node_cluster --node-deadline "${deadline}s"
  for i in 1 2 3 4; do submit "$(web "w$i")" >/dev/null; done
  eventually 60 all_running 4
}
teardown() {
  kill -CONT "$(cat "$dir/n1.pid")" "$(cat "$dir/manager.pid")" 2>/dev/null || true
  end_cluster
  rm -rf "${dir:?}"/n1 "$dir"/n2 "$dir"/n1.* "$dir"/n2.* "$dir"/manager*
}

web() { printf '{"Name":"%s","Image":"%s","RestartPolicy":"always","StopGracePeriod":"1s","Command":["sleep","1000"]}' "$1" "$box_image"; }
all_running() { [ "$(curl -fsS "$api/tasks" | jq '[.[] | select(.State == 2)] | length')" = "$1" ]; }
all_on() { [ "$(curl -fsS "$api/tasks" | jq "[.[] | select(.State == 2 and .Node == \"$1\")] | length")" = 4 ]; }
containers_on() { containers --filter "label=cube.node=$1"; }
everything() {
  # shellcheck disable=SC2046
  docker inspect -f '{{.Id}} {{.State.Pid}} {{.State.StartedAt}}' $(containers) | sort
}
lost_nodes() { curl -fsS "$api/metrics" | awk '$1 == "cube_nodes_lost_total" { print $2 }'; }

# The pause itself is what is tested: nothing can be waited for while it lasts.
pause() { # NAME SECONDS
  kill -STOP "$(cat "$dir/$1.pid")"
  sleep "$2"
  kill -CONT "$(cat "$dir/$1.pid")"
}

@test "a worker stands still for less than its deadline: nothing happens" {
  before=$(everything)
  pause n1 "$short"
  eventually 20 nodes_ready 2
  [ "$(lost_nodes)" = 0 ]
  [ "$(everything)" = "$before" ]
}

@test "a worker stands still past its deadline: its tasks run elsewhere; awake, it starts nothing old" {
  for seconds in $longs; do
    there=$(containers_on n1)
    [ -n "$there" ]
    docker events --since 0s --filter "label=cube.cluster=$cluster" --filter label=cube.node=n1 \
      --filter event=start --filter event=create --format '{{.Action}} {{.Actor.ID}}' >"$dir/n1.events" 3>&- &
    watcher=$!
    pause n1 "$seconds"
    all_on n2
    # No second start of what was there: it is stopped, and what runs elsewhere goes on.
    n1_empty() { [ -z "$(containers_on n1)" ]; }
    eventually 20 n1_empty
    eventually 20 nodes_ready 2
    all_on n2
    [ "$(containers | wc -l)" = 4 ]
    kill "$watcher"
    # The engine may tell late of a start before the pause: of those there were.
    run grep -vF "$there" "$dir/n1.events"
    [ "$output" = "" ]
    # Both have something again, for the next round.
    for id in $(curl -fsS "$api/tasks" | jq -r '.[] | select(.State < 3) | .ID'); do
      curl -fsS -X DELETE "$api/tasks/$id"
    done
    none_left() { [ -z "$(containers)" ]; }
    eventually 20 none_left
    for i in 1 2 3 4; do submit "$(web "w$i")" >/dev/null; done
    eventually 60 all_running 4
  done
}

@test "a manager stands still, also past every deadline: no node is lost, no container touched" {
  before=$(everything)
  for seconds in $short $longs; do
    pause manager "$seconds"
    eventually 20 nodes_ready 2
    all_running 4
    [ "$(lost_nodes)" = 0 ]
    [ "$(everything)" = "$before" ]
  done
  # and it still does what it is told
  id=$(submit "$(web more)")
  eventually 20 task_is "$id" State 2
}
