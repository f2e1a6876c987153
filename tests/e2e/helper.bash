# Shared by the end-to-end tests: a cluster of its own for each file, on ports, directories and
# labels of its own, so that several runs can share one engine. Everything is waited for with a
# deadline; nothing is slept for.

cube=${CUBE_BIN:?set CUBE_BIN to the program under test}
echo_image=timboring/echo-server:latest
box_image=cube-test/busybox

# free_port: a port that nobody listens on, below the range from which the system hands out ports.
free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 12000))
    [ -e "$BATS_FILE_TMPDIR/port-$port" ] && continue
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      : >"$BATS_FILE_TMPDIR/port-$port"
      echo "$port"
      return
    fi
  done
}

# free_ports COUNT: the first of so many consecutive ones.
free_ports() {
  local first port
  while :; do
    first=$(free_port)
    for ((port = first + 1; port < first + $1; port++)); do
      [ -e "$BATS_FILE_TMPDIR/port-$port" ] && continue 2
      (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && continue 2
    done
    for ((port = first; port < first + $1; port++)); do : >"$BATS_FILE_TMPDIR/port-$port"; done
    echo "$first"
    return
  done
}

# eventually SECONDS COMMAND...: repeats the command until it succeeds; fails with its last output.
eventually() {
  local deadline=$((SECONDS + $1)) output
  shift
  while ! output=$("$@" 2>&1); do
    if [ "$SECONDS" -ge "$deadline" ]; then
      echo "not within the deadline: $*"
      echo "last output: $output"
      return 1
    fi
    sleep 0.05
  done
}

new_cluster() {
  cluster=e2e-$$-$RANDOM
  dir=$BATS_FILE_TMPDIR
  manager_port=$(free_port)
  export cluster dir manager_port
  export CUBE_MANAGER=127.0.0.1:$manager_port
  api=http://127.0.0.1:$manager_port
  export api
}

daemon_started() { # NAME PORT
  kill -0 "$(cat "$dir/$1.pid")" 2>/dev/null || { cat "$dir/$1.log"; return 1; }
  curl -fsS --max-time 5 "http://127.0.0.1:$2/healthz" >/dev/null
}

start_daemon() { # NAME PORT ARGUMENTS...
  local name=$1 port=$2
  shift 2
  "$cube" "$@" --port "$port" --cluster "$cluster" --data-dir "$dir/$name" >>"$dir/$name.log" 2>&1 3>&- &
  echo $! >"$dir/$name.pid"
  eventually 30 daemon_started "$name" "$port"
}

start_worker() { # NAME [ARGUMENTS...]
  local name=$1
  shift
  [ -s "$dir/$name.port" ] || free_port >"$dir/$name.port"
  start_daemon "$name" "$(cat "$dir/$name.port")" worker --name "$name" "$@"
}

start_manager() { # ARGUMENTS...
  start_daemon manager "$manager_port" manager "$@"
}

worker_port() { cat "$dir/$1.port"; }

# No such process, or one whose parent has not looked yet: its threads are gone too, and with them
# what they held open.
is_over() {
  ! kill -0 "$1" 2>/dev/null || grep -Pzq 'State:\tZ.*\n(.*\n)*Threads:\t1\n' "/proc/$1/status" 2>/dev/null
}
# end NAME [SIGNAL]: ends one daemon and waits until it is gone.
end() {
  local pid
  pid=$(cat "$dir/$1.pid")
  kill "-${2:-TERM}" "$pid" 2>/dev/null || return 0
  eventually 60 is_over "$pid"
}

two_node_cluster() {
  new_cluster
  start_worker n1
  start_worker n2
  start_manager --workers "127.0.0.1:$(worker_port n1),127.0.0.1:$(worker_port n2)" "$@"
  eventually 20 nodes_ready 2
}

nodes_ready() { [ "$(curl -fsS "$api/nodes" | jq '[.[] | select(.State == "ready")] | length')" = "$1" ]; }

end_cluster() {
  local file
  for file in "$dir"/*.pid; do
    [ -e "$file" ] && end "$(basename "$file" .pid)" KILL
  done
  remove_containers
}

containers() { docker ps -aq --filter "label=cube.cluster=$cluster" "$@"; }
remove_containers() {
  local ids
  ids=$(containers)
  # shellcheck disable=SC2086
  [ -z "$ids" ] || docker rm -f $ids >/dev/null
}

# Of one task: a field of its JSON, its container.
field() { curl -fsS "$api/tasks/$1" | jq -r ".$2"; }
task_is() { [ "$(field "$1" "$2")" = "$3" ]; }
container_of() { field "$1" ContainerID; }

# submit SPEC_JSON: posts a bare task; prints its ID.
submit() { curl -fsS -d "$1" "$api/tasks" | jq -r .ID; }
status_of() { curl -s -o /dev/null -w '%{http_code}' "$@"; }
