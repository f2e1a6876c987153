#!/usr/bin/env bash
# Runs the model of the lease through Spin: as it is it must hold, and with each of its rules taken
# away it must fail. Prints one line for each; exit code 1 when one is not as it should be.
set -euo pipefail
for tool in spin gcc; do
  command -v "$tool" >/dev/null || { echo "check.sh needs $tool" >&2; exit 77; }
done
model=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/lease.pml
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# verify [MACRO]: searches every state, in depth, up to the first with two containers; prints
# pan's verdict.
verify() {
  # Spin hands a -D on; without a macro any does.
  spin "-D${1:-AS_IT_IS}" -a "$model" >spin.log 2>&1 || { cat spin.log >&2; exit 1; }
  gcc -O1 -DSAFETY -DNOFAIR -DMEMLIM=2000 -o pan pan.c 2>gcc.log || { cat gcc.log >&2; exit 1; }
  ./pan -E -m1000000 -w24 >pan.log 2>&1 || true
  grep -q 'errors: ' pan.log || { cat pan.log >&2; exit 1; }
  cat pan.log
}
states() { sed -n 's/ *\([0-9.e+]*\) states, stored.*/\1/p' <<<"$1"; }

wrong=0
verdict=$(verify)
if grep -q 'errors: 0' <<<"$verdict" && ! grep -qE 'depth too small|incomplete' <<<"$verdict"; then
  echo "as it is: holds in all its $(states "$verdict") states"
else
  echo "as it is: FAILS"; echo "$verdict"; wrong=1
fi
for rule in $(grep -o 'BREAK_[A-Z_]*[A-Z]' "$model" | sort -u); do
  verdict=$(verify "$rule")
  if grep -q 'assertion violated' <<<"$verdict"; then
    echo "$rule: fails, as it must"
  else
    echo "$rule: HOLDS, so the model does not need the rule"; wrong=1
  fi
done
exit "$wrong"
