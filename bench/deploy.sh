#!/bin/bash
# Measures deployment through Cube beside the bare Engine API, and placement, on this machine, and
# writes bench/RESULTS.md. Needs a Docker engine; starts a manager and a worker of its own, on free
# ports, with data in a temporary directory, and takes both down again. About five minutes.
#
#   bench/deploy.sh [options of deploy_bench, such as --rounds 10]
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
build=$top/build/release
dir=$(mktemp -d)
pids=()

cleanup() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  local left
  left=$(docker ps -aq --filter "label=cube.cluster=$cluster"
    docker ps -aq --filter label=bench=deploy)
  [ -z "$left" ] || docker rm -f $left >/dev/null
  rm -rf "$dir"
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
      echo "deploy.sh: $what: not within the deadline" >&2
      tail -n 20 "$dir"/*.log >&2
      exit 1
    fi
    sleep 0.1
  done
}

node_is_ready() { "$build/cube" node -m "127.0.0.1:$manager_port" -o json | grep -q '"ready"'; }

machine() {
  local cpu memory
  cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
  memory=$(awk '/^MemTotal/ {printf "%.1f GiB", $2 / 1048576}' /proc/meminfo)
  echo "- $(nproc) x ${cpu:-$(uname -m)}, $memory of memory"
  echo "- $(. /etc/os-release && echo "$PRETTY_NAME"), Linux $(uname -r)"
  echo "- Docker $(docker version -f '{{.Server.Version}}')," \
    "storage driver $(docker info -f '{{.Driver}}')," \
    "cgroup version $(docker info -f '{{.CgroupVersion}}')"
  echo "- $(date -u +%Y-%m-%d), load $(cut -d' ' -f1 /proc/loadavg) before the run"
}

cluster=bench-$$
docker version >/dev/null
trap cleanup EXIT
(cd "$top" && cmake --preset release >/dev/null &&
  cmake --build --preset release --target cube deploy_bench placement_bench)
"$top/examples/echo/build.sh"
machine >"$dir/machine"

worker_port=$(free_port)
manager_port=$(free_port)
"$build/cube" worker --name bench -p "$worker_port" --cluster "$cluster" \
  --data-dir "$dir/worker" >"$dir/worker.log" 2>&1 &
pids+=($!)
"$build/cube" manager -p "$manager_port" --cluster "$cluster" \
  --workers "127.0.0.1:$worker_port" --data-dir "$dir/manager" >"$dir/manager.log" 2>&1 &
pids+=($!)
await 20 "the worker becomes ready" node_is_ready

echo "measuring deployment"
"$build/bench/deploy_bench" --manager "127.0.0.1:$manager_port" --worker-pid "${pids[0]}" \
  --manager-pid "${pids[1]}" "$@" | tee "$dir/deploy"
echo "measuring placement"
"$build/bench/placement_bench" >"$dir/placement"

{
  echo "# Results"
  echo
  echo "Written by \`bench/deploy.sh\`; anyone can run it."
  echo
  cat "$dir/machine"
  printf '\n## Deployment\n\n'
  cat "$dir/deploy"
  printf '\n## Placement\n\n'
  cat "$dir/placement"
} >"$top/bench/RESULTS.md"
echo "written: bench/RESULTS.md"
