#!/usr/bin/env bats
# A disk that fills up and is freed again, over and over, while eight clients submit and stop: what
# was acknowledged is there, also after a kill.

load helper

setup() {
  [ "$(id -u)" = 0 ] || skip "mounting a small disk needs root"
  new_cluster
  mkdir -p "$dir/manager" && rm -f "$dir/acknowledged" "$dir/stopped" "$dir"/manager.*
}
teardown() {
  end_cluster
  ! mountpoint -q "$dir/manager" || umount "$dir/manager"
}

manager_here() { start_manager; }
# Submits; true when the answer is final, and not that the disk is full.
is_answered() { # CLIENT NUMBER BODY
  curl -s -o "$dir/reply.$1" -w '%{http_code}' -H "Idempotency-Key: $1-$2" \
    -d "{\"Name\":\"t$1-$2\",\"Image\":\"x\",\"Env\":[\"A=$3\"]}" "$api/tasks" >"$dir/code.$1"
  [ "$(cat "$dir/code.$1")" != 507 ]
}
# A client: submits under a key until it has an answer that is final, notes what was acknowledged,
# and stops every third of them.
client() { # NUMBER TASKS
  local i code body id
  body=$(head -c 4000 /dev/zero | tr '\0' x)
  for i in $(seq "$2"); do
    eventually 60 is_answered "$1" "$i" "$body" >/dev/null || true
    code=$(cat "$dir/code.$1")
    [ "$code" = 201 ] || { echo "submit $1-$i: $code $(cat "$dir/reply.$1")" >>"$dir/wrong"; return; }
    id=$(jq -r .ID "$dir/reply.$1")
    echo "$id" >>"$dir/acknowledged"
    [ $((i % 3)) = 0 ] || continue
    code=$(status_of -X DELETE "$api/tasks/$id")
    [ "$code" = 204 ] || [ "$code" = 507 ] || echo "stop $id: $code" >>"$dir/wrong"
    [ "$code" != 204 ] || echo "$id" >>"$dir/stopped"
  done
}
all_there() {
  curl -fsS "$api/tasks" | jq -r '.[].ID' | sort >"$dir/listed"
  sort "$dir/acknowledged" | cmp - "$dir/listed"
  curl -fsS "$api/tasks" | jq -r '.[] | select(.Desired == "stop") | .ID' | sort >"$dir/listed"
  sort "$dir/stopped" | comm -23 - "$dir/listed" | grep . && return 1 || return 0
}
full() { curl -s "$api/healthz" | jq -e '.HTTPStatusCode == 503' >/dev/null; }

fills_and_frees() {
  manager_here
  : >"$dir/wrong"
  local clients=()
  for c in 1 2 3 4 5 6 7 8; do
    client "$c" 15 &
    clients+=($!)
  done
  for round in 1 2 3; do
    cat /dev/zero >"$dir/manager/filler" 2>/dev/null || true
    eventually 30 full || jobs -r | grep -q . # or the clients are done
    rm "$dir/manager/filler"
  done
  wait "${clients[@]}"
  cat "$dir/wrong"
  [ ! -s "$dir/wrong" ]
  [ "$(wc -l <"$dir/acknowledged")" = 120 ]
  grep -q store.full "$dir/manager.log"
  all_there
  end manager KILL
  manager_here
  all_there
}

@test "a tmpfs that fills up and is freed, with commits under way" {
  mount -t tmpfs -o size=24m none "$dir/manager"
  fills_and_frees
}

@test "an ext4 disk that fills up and is freed, with commits under way" {
  truncate -s 32M "$dir/image"
  mkfs.ext4 -q "$dir/image"
  mount -o loop "$dir/image" "$dir/manager" || skip "no loop device here"
  fills_and_frees
}
