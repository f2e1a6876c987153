#!/bin/bash
# Measures a manager with thousands of nodes and many tasks, on this machine: the real program with
# its real store, and simulated workers in another process. Prints a section of Markdown for each
# size and keeps nothing; its data is in a temporary directory.
#
#   bench/scale.sh                  1,000 nodes and 100,000 tasks
#   bench/scale.sh --large          5,000 nodes and 1,000,000 tasks as well
#   bench/scale.sh --nodes N --tasks M [options of scale_bench, such as --batch 500]
. "$(dirname "$0")/lib.sh"

measure() { # measure OPTIONS...: one run
  printf '\n### %s\n\n' "$*"
  "$build/bench/scale_bench" --cube "$build/cube" --data-dir "$dir/$RANDOM" \
    --port "$(free_port)" --nodes-port "$(free_port)" "$@"
}

build cube scale_bench
machine
case "${1:-}" in
  "") measure --nodes 1000 --tasks 100000 ;;
  --large)
    measure --nodes 1000 --tasks 100000
    measure --nodes 5000 --tasks 1000000
    ;;
  *) measure "$@" ;;
esac
