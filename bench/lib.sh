# Shared by the measuring scripts; sourced, not run. Gives `top`, `build`, a temporary directory
# `dir`, and `pids`, which are ended when the script ends.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$top/build/release
dir=$(mktemp -d)
pids=()

end_daemons() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$dir"
}
trap end_daemons EXIT

build() { # build TARGET...
  (cd "$top" && cmake --preset release >/dev/null && cmake --build --preset release --target "$@") >&2
}

free_port() { # prints a port on which nobody listens
  local port
  while true; do
    port=$((20000 + RANDOM % 10000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
}

await() { # await SECONDS WHAT COMMAND...: until it succeeds
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    if [ $SECONDS -ge $deadline ]; then
      echo "$what: not within the deadline" >&2
      tail -n 20 "$dir"/*.log >&2
      exit 1
    fi
    sleep 0.1
  done
}

# start_pair CLUSTER: a worker and its manager on free ports, ready; sets worker_pid, manager_pid and
# manager_port.
start_pair() {
  local worker_port
  worker_port=$(free_port) manager_port=$(free_port)
  "$build/cube" worker --name bench -p "$worker_port" --cluster "$1" --data-dir "$dir/worker" \
    >"$dir/worker.log" 2>&1 &
  worker_pid=$!
  "$build/cube" manager -p "$manager_port" --cluster "$1" --workers "127.0.0.1:$worker_port" \
    --data-dir "$dir/manager" >"$dir/manager.log" 2>&1 &
  manager_pid=$!
  pids+=("$worker_pid" "$manager_pid")
  await 30 "the worker becomes ready" node_is_ready
}
node_is_ready() { "$build/cube" node -m "127.0.0.1:$manager_port" -o json | grep -q '"ready"'; }

machine() { # the machine in words, as a list
  local cpu memory
  cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
  memory=$(awk '/^MemTotal/ {printf "%.1f GiB", $2 / 1048576}' /proc/meminfo)
  echo "- $(nproc) x ${cpu:-$(uname -m)}, $memory of memory"
  echo "- $(. /etc/os-release && echo "$PRETTY_NAME"), Linux $(uname -r)"
  echo "- $(date -u +%Y-%m-%d), load $(cut -d' ' -f1 /proc/loadavg) before the run"
}

engine() { # the same of the container engine
  echo "- Docker $(docker version -f '{{.Server.Version}}')," \
    "storage driver $(docker info -f '{{.Driver}}')," \
    "cgroup version $(docker info -f '{{.CgroupVersion}}')"
}

# put_section NAME FILE: FILE becomes the section NAME of bench/RESULTS.md; the others stay.
put_section() {
  local results=$top/bench/RESULTS.md
  [ -e "$results" ] || echo "# Results" >"$results"
  awk -v name="## $1" '/^## /{skip = $0 == name} !skip' "$results" >"$dir/rest"
  {
    sed -e :a -e '/^\n*$/{$d;N;ba' -e '}' "$dir/rest"
    printf '\n## %s\n\n' "$1"
    cat "$2"
  } >"$results"
  echo "written: $1, in bench/RESULTS.md" >&2
}
