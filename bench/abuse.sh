#!/bin/bash
# Measures a healthy client beside hostile ones, on a manager and a worker of its own, and puts the
# section "Abuse" into bench/RESULTS.md. Needs a Docker engine; about five minutes.
#
#   bench/abuse.sh [options of abuse_bench, such as --seconds 60]
#
# With `slowhttptest` (a Debian package) its three attacks are run as well.
. "$(dirname "$0")/lib.sh"

build cube abuse_bench
ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -Hn)"
start_pair "abuse-$$"

# One of slowhttptest's attacks while the first row (no attack of ours) is measured.
foreign() { # NAME OPTIONS...
  local name=$1 pid
  shift
  slowhttptest "$@" -c 1000 -r 500 -l 15 -u "http://127.0.0.1:$manager_port/tasks" \
    >"$dir/slowhttptest.log" 2>&1 &
  pid=$!
  "$build/bench/abuse_bench" --manager "127.0.0.1:$manager_port" --pid "$manager_pid" \
    --seconds 12 --only none | tail -n 1 | sed "s/^| none | 0 | 0/| $name | 1000 | 1000/"
  wait "$pid" || true
}

section() {
  echo "Written by \`bench/abuse.sh\`: $(nproc) cores, which attackers, healthy client, manager and"
  echo "worker share; $(date -u +%Y-%m-%d), load $(cut -d' ' -f1 /proc/loadavg) before the run."
  echo
  "$build/bench/abuse_bench" --manager "127.0.0.1:$manager_port" --pid "$manager_pid" "$@"
  if command -v slowhttptest >/dev/null; then
    foreign "slowhttptest -H (headers)" -H -i 1
    foreign "slowhttptest -B (bodies)" -B -i 1 -s 100000
    foreign "slowhttptest -X (readers)" -X -w 10 -y 20 -n 5 -z 32
  fi
}

section "$@" | tee "$dir/section"
put_section Abuse "$dir/section"
