#!/usr/bin/env bats
# Two nodes in network namespaces of their own, cut from their manager and healed: both ways, and
# one way at a time. The engine is one for both, behind its socket; only the network is cut.

load helper

setup() {
  [ "$(id -u)" = 0 ] || skip "network namespaces need root"
  new_cluster
  subnet=10.$((100 + RANDOM % 100)).$((RANDOM % 250))
  add_net n1 1
  add_net n2 2
  start_in_net n1
  start_in_net n2
  start_manager --host 0.0.0.0 --node-deadline 3s \
    --workers "$(address n1):$(worker_port n1),$(address n2):$(worker_port n2)"
  eventually 20 nodes_ready 2
}
teardown() {
  [ -n "${subnet:-}" ] || return 0
  end_cluster
  for name in n1 n2; do
    ip netns del "$(net "$name")" 2>/dev/null || true
    ip link del "$(link "$name")" 2>/dev/null || true
  done
  rm -rf "${dir:?}"/n1* "$dir"/n2* "$dir"/manager*
}

net() { echo "$cluster-$1"; }
link() { echo "cv$1-$(cat "$dir/$1.number")"; }
address() { cat "$dir/$1.address"; }
add_net() { # NAME NUMBER: a namespace with 4 addresses of its own
  echo "$RANDOM" >"$dir/$1.number"
  echo "$subnet.$(($2 * 4 + 2))" >"$dir/$1.address"
  ip netns add "$(net "$1")"
  ip link add "$(link "$1")" type veth peer name eth0 netns "$(net "$1")"
  ip addr add "$subnet.$(($2 * 4 + 1))/30" dev "$(link "$1")"
  ip link set "$(link "$1")" up
  ip -n "$(net "$1")" addr add "$(address "$1")/30" dev eth0
  ip -n "$(net "$1")" link set eth0 up
  ip -n "$(net "$1")" link set lo up
}
in_net_started() { # NAME
  kill -0 "$(cat "$dir/$1.pid")" 2>/dev/null || { cat "$dir/$1.log"; return 1; }
  curl -fsS --max-time 5 "http://$(address "$1"):$(worker_port "$1")/healthz" >/dev/null
}
start_in_net() { # NAME
  [ -s "$dir/$1.port" ] || free_port >"$dir/$1.port"
  ip netns exec "$(net "$1")" "$cube" worker --name "$1" --host 0.0.0.0 --port "$(worker_port "$1")" \
    --cluster "$cluster" --data-dir "$dir/$1" >>"$dir/$1.log" 2>&1 3>&- &
  echo $! >"$dir/$1.pid"
  eventually 30 in_net_started "$1"
}

sleeper() { printf '{"Name":"%s","Image":"%s","RestartPolicy":"always","StopGracePeriod":"1s","Command":["sleep","1000"]}' "$1" "$box_image"; }
four_run() {
  for i in 1 2 3 4; do submit "$(sleeper "w$i")" >/dev/null; done
  all_run() { [ "$(curl -fsS "$api/tasks" | jq '[.[] | select(.State == 2)] | length')" = 4 ]; }
  eventually 60 all_run
  [ "$(running_on n1 | wc -l)" -gt 0 ]
}
running_on() { docker ps -q --filter "label=cube.cluster=$cluster" --filter "label=cube.node=$1"; }
all_on_n2() { [ "$(curl -fsS "$api/tasks" | jq '[.[] | select(.State == 2 and .Node == "n2")] | length')" = 4 ]; }
# Of each task one container at most on each side, while it is cut.
no_more_than_twice() {
  [ -z "$(docker ps --filter "label=cube.cluster=$cluster" \
    --format '{{.Label "cube.task"}} {{.Label "cube.attempt"}}' | sort | uniq -d)" ]
}
healed() { nodes_ready 2 && [ -z "$(running_on n1)" ] && all_on_n2 && [ "$(running_on n2 | wc -l)" = 4 ]; }

# CUT, a command that cuts n1 off, and HEAL, one that undoes it.
cut_and_heal() {
  four_run
  n1_runs=$(running_on n1)
  eval "$1"
  eventually 40 all_on_n2
  no_more_than_twice
  [ "$(running_on n1)" = "$n1_runs" ] # it knows nothing, and goes on
  eval "$2"
  eventually 15 healed
}

@test "both ways cut and healed: every task once, within 15 s" {
  cut_and_heal 'ip link set "$(link n1)" down' 'ip link set "$(link n1)" up'
}

@test "only what the manager says is lost" {
  cut_and_heal 'ip netns exec "$(net n1)" iptables -A INPUT -i eth0 -j DROP' \
    'ip netns exec "$(net n1)" iptables -F INPUT'
}

@test "only what the node says is lost" {
  cut_and_heal 'ip netns exec "$(net n1)" iptables -A OUTPUT -o eth0 -j DROP' \
    'ip netns exec "$(net n1)" iptables -F OUTPUT'
}

@test "a stop while the node is cut off is carried out when it is back" {
  four_run
  id=$(curl -fsS "$api/tasks" | jq -r '[.[] | select(.Node == "n1")][0].ID')
  ip link set "$(link n1)" down
  [ "$(status_of -X DELETE "$api/tasks/$id")" = 204 ]
  [ -n "$(docker ps -q --filter "label=cube.task=$id")" ]
  ip link set "$(link n1)" up
  gone() { [ -z "$(docker ps -aq --filter "label=cube.task=$id")" ] && task_is "$id" State 3; }
  eventually 30 gone
}
