#!/bin/bash
# Measures deployment through Cube beside the bare Engine API, and placement, on this machine, and
# writes two sections of bench/RESULTS.md. Needs a Docker engine; starts a manager and a worker of its own, on free
# ports, with data in a temporary directory, and takes both down again. About five minutes.
#
#   bench/deploy.sh [options of deploy_bench, such as --rounds 10]
. "$(dirname "$0")/lib.sh"

cluster=bench-$$
cleanup() {
  end_daemons
  local left
  left=$(docker ps -aq --filter "label=cube.cluster=$cluster"
    docker ps -aq --filter label=bench=deploy)
  [ -z "$left" ] || docker rm -f $left >/dev/null
}
trap cleanup EXIT

docker version >/dev/null
build cube deploy_bench placement_bench
"$top/examples/echo/build.sh"
{
  echo "Written by \`bench/deploy.sh\`."
  echo
  machine
  engine
  echo
} >"$dir/deploy"
start_pair "$cluster"

echo "measuring deployment"
"$build/bench/deploy_bench" --manager "127.0.0.1:$manager_port" --worker-pid "$worker_pid" \
  --manager-pid "$manager_pid" "$@" | tee -a "$dir/deploy"
put_section Deployment "$dir/deploy"
echo "measuring placement"
"$build/bench/placement_bench" >"$dir/placement"
put_section Placement "$dir/placement"
