#!/usr/bin/env bats
# At most one, on real Docker: the containers themselves write down when they live, by the clock of
# the machine, and no two of those spans may overlap.

load helper

setup() {
  two_node_cluster --node-deadline 3s
  beats=$(docker volume create "beats-$cluster")
}
teardown() {
  for name in manager n1 n2; do kill -CONT "$(cat "$dir/$name.pid")" 2>/dev/null || true; done
  end_cluster
  eventually 30 no_guards
  docker volume rm -f "$beats" >/dev/null
  rm -rf "${dir:?}"/n1 "$dir"/n2 "$dir"/n1.* "$dir"/n2.* "$dir"/manager*
}

# Writes "host uptime" every 100 ms, until it is told to stop.
submit_exclusive() {
  submit "{\"Name\":\"one\",\"Image\":\"$box_image\",\"Exclusive\":true,\"RestartPolicy\":\"always\",
    \"StopGracePeriod\":\"1s\",\"Mounts\":[{\"Source\":\"$beats\",\"Target\":\"/beats\"}],
    \"Command\":[\"sh\",\"-c\",\"while :; do read -r up _ </proc/uptime; echo \$HOSTNAME \$up >>/beats/log; usleep 100000; done\"]}"
}
live() { docker ps -q --filter "label=cube.cluster=$cluster" --filter "label=cube.task=$id" | wc -l; }
live_is() { [ "$(live)" = "$1" ]; }

# One container's beats end before the next one's begin: whoever has been followed by another does not
# come again.
spans_never_overlap() {
  docker run --rm -v "$beats:/beats" --label "cube.cluster=$cluster" "$box_image" cat /beats/log |
    awk '$1 != last { if ($1 in seen) { print "again: " $0; exit 1 } seen[$1] = 1; n++; last = $1 }
         END { print n " containers" }'
}

@test "a silent manager: the worker stops it by itself, and it goes on when the manager is back" {
  id=$(submit_exclusive)
  eventually 20 task_is "$id" State 2
  first=$(container_of "$id")
  kill -STOP "$(cat "$dir/manager.pid")"
  eventually 22 live_is 0
  grep -q 'lease.over' "$dir/$(docker inspect -f '{{index .Config.Labels "cube.node"}}' "$first").log"
  kill -CONT "$(cat "$dir/manager.pid")"
  eventually 30 live_is 1
  eventually 10 task_is "$id" State 2
  [ "$(container_of "$id")" != "$first" ]
  spans_never_overlap
}

@test "a node that is cut off: the next attempt waits until its lease is over" {
  id=$(submit_exclusive)
  eventually 20 task_is "$id" State 2
  node=$(field "$id" Node)
  first=$(container_of "$id")
  # Killed and set up again elsewhere, as far as the manager can see: it dials a port of nobody.
  end "$node" KILL
  free_port >"$dir/$node.port"
  start_worker "$node"
  says_why() { curl -fsS "$api/tasks/$id" | jq -r .Reason | grep -q 'waits until the lease of node'; }
  eventually 15 says_why
  # The new process has what is left of the lease of the one before, and nobody to renew it.
  eventually 25 live_is 0
  moved() { [ "$(field "$id" Node)" != "$node" ] && task_is "$id" State 2; }
  eventually 40 moved
  [ "$(field "$id" Attempt)" = 2 ]
  live_is 1
  spans_never_overlap
}

# guards: process IDs of this cluster's guards, whoever started them.
guards() { pgrep -f "^/proc/self/exe worker-guard .* $cluster " || true; }
no_guards() { [ -z "$(guards)" ]; }

# The node's worker does not act any more: the guard ends the container within the lease, and the
# task goes on elsewhere, as its next attempt.
moves_without_overlap() { # ID NODE
  eventually 25 live_is 0
  moved() { [ "$(field "$1" Node)" != "$2" ] && task_is "$1" State 2; }
  eventually 40 moved "$1" "$2"
  [ "$(field "$1" Attempt)" = 2 ]
  grep -q 'guard.stops' "$dir/$2.log"
  live_is 1
}

@test "a worker that stands still: its guard stops the container, and the task moves" {
  no_guards # before there is something exclusive
  id=$(submit_exclusive)
  eventually 20 task_is "$id" State 2
  node=$(field "$id" Node)
  kill -STOP "$(cat "$dir/$node.pid")"
  moves_without_overlap "$id" "$node"
  kill -CONT "$(cat "$dir/$node.pid")"
  eventually 20 nodes_ready 2
  [ "$(field "$id" Attempt)" = 2 ]
  live_is 1
  spans_never_overlap
}

@test "a worker that is killed and stays down: its guard stops the container, then ends" {
  id=$(submit_exclusive)
  eventually 20 task_is "$id" State 2
  node=$(field "$id" Node)
  end "$node" KILL
  moves_without_overlap "$id" "$node"
  spans_never_overlap
  one_guard() { [ "$(guards | wc -l)" = 1 ]; } # that of the other node
  eventually 10 one_guard
}

@test "a guard that is killed is replaced, and the task goes on" {
  id=$(submit_exclusive)
  eventually 20 task_is "$id" State 2
  first=$(container_of "$id")
  old=$(guards)
  kill -KILL "$old"
  replaced() { [ -n "$(guards)" ] && [ "$(guards)" != "$old" ]; }
  eventually 20 replaced
  eventually 10 task_is "$id" State 2
  [ "$(container_of "$id")" = "$first" ]
}

@test "a worker takes no exclusive task without a manager" {
  body="{\"Name\":\"mine\",\"Image\":\"$box_image\",\"Exclusive\":true}"
  [ "$(status_of -d "$body" "http://127.0.0.1:$(worker_port n1)/tasks")" = 400 ]
}
