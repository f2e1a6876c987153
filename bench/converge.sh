#!/bin/bash
# Measures a service of 40 replicas up, updated and down, through Cube and through Docker Swarm on
# the same engine in turns, and writes a section of bench/RESULTS.md. Makes the engine a swarm of one
# node and takes that back at the end; refuses an engine that is in a swarm already. Starts a manager
# and a worker of its own, on free ports. About five minutes.
#
#   bench/converge.sh [options of converge_bench, such as --rounds 9]
. "$(dirname "$0")/lib.sh"

state=$(docker info -f '{{.Swarm.LocalNodeState}}')
if [ "$state" != inactive ]; then
  echo "bench/converge.sh: this engine is in a swarm (state $state), which would be measured too and" \
    "must not be left by a script; use an engine that is in none" >&2
  exit 1
fi

cluster=bench-$$
cleanup() {
  end_daemons
  if [ -n "${swarm:-}" ]; then
    docker service rm converge >/dev/null 2>&1 || true
    docker swarm leave --force >/dev/null
  fi
  local left
  left=$(docker ps -aq --filter "label=cube.cluster=$cluster"
    docker ps -aq --filter label=com.docker.swarm.service.name=converge
    docker ps -aq --filter label=bench.converge)
  [ -z "$left" ] || docker rm -f $left >/dev/null
}
trap cleanup EXIT

build cube converge_bench
"$top/examples/echo/build.sh"
{
  echo "Written by \`bench/converge.sh\`: one engine, a swarm of this node and Cube's manager and worker beside"
  echo "it. The same image, no published ports, an init process in each container, no health check; an"
  echo "update changes the environment, with no delay and 1 ms of monitoring. Both are asked over their"
  echo "HTTP API, every 50 ms; a state counts when the engine's own list of containers agrees."
  echo
  machine
  engine
  echo
} >"$dir/converge"
docker swarm init --advertise-addr 127.0.0.1 >/dev/null
swarm=ours
start_pair "$cluster"

"$build/bench/converge_bench" --manager "127.0.0.1:$manager_port" --cluster "$cluster" "$@" |
  tee -a "$dir/converge"
put_section Convergence "$dir/converge"
