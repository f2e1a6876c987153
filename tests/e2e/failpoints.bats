#!/usr/bin/env bats
# The crash matrix: a daemon dies at each step between a submission and a container that is gone, at
# the first and at the third time that it comes there, and everything ends as asked. The steps are
# failpoints (daemon/failpoint.h), which only builds with CUBE_FAILPOINTS have.

load helper

setup() {
  new_cluster
  [ "${CUBE_FAILPOINTS:-}" = ON ] || return 0
  docker events --since 0s --filter "label=cube.cluster=$cluster" --filter type=container \
    --format '{{.Action}} {{index .Actor.Attributes "cube.task"}} {{.Actor.ID}}' >"$dir/engine" 3>&- &
  watcher=$!
  start_worker n1
  start_manager --workers "127.0.0.1:$(worker_port n1)" --node-deadline 3s
  eventually 20 nodes_ready 1
}
teardown() {
  [ -z "${watcher:-}" ] || kill "$watcher"
  end_cluster
  rm -rf "${dir:?}"/n1* "$dir"/n2* "$dir"/manager*
}
needs_failpoints() { [ "${CUBE_FAILPOINTS:-}" = ON ] || skip "this build has no failpoints"; }

start_again() { # NAME [CUBE_FP]
  if [ "$1" = manager ]; then
    CUBE_FP=${2:-} start_manager --workers "127.0.0.1:$(worker_port n1)" --node-deadline 3s
  else
    CUBE_FP=${2:-} start_worker "$1"
  fi
}
# arm NAME POINT: the daemon dies at its first hit; the next of it at its third; then it may live.
arm() {
  printf '%s' "$2" >"$dir/$1.point"
  : >"$dir/$1.crashes"
  end "$1"
  : >"$dir/$1.log"
  start_again "$1" "$2=abort@1"
}
revive() {
  local name
  for name in manager n1; do
    is_over "$(cat "$dir/$name.pid")" || continue
    echo died >>"$dir/$name.crashes"
    case $(wc -l <"$dir/$name.crashes") in
      1) start_again "$name" "$(cat "$dir/$name.point")=abort@3" ;;
      *) start_again "$name" ;;
    esac
  done
}
accepted() { # KEY BODY
  revive
  curl -fsS -H "Idempotency-Key: $1" -d "$2" "$api/tasks" >"$dir/accepted"
}
runs() { revive && task_is "$1" State 2; }
stop_accepted() { revive && curl -fsS -X DELETE "$api/tasks/$1"; }
# Over for the manager, and gone for the engine.
gone() { revive && task_is "$1" State 3 && [ -z "$(docker ps -aq --filter "label=cube.task=$1")" ]; }
events_of() { grep -c "^$1 $2 " "$dir/engine"; }

# Four tasks, one after the other: submitted until it is answered, waited for, stopped, gone; with
# one container each, made once and started once.
four_lives() {
  local ids=() id i
  for i in 1 2 3 4; do
    eventually 30 accepted "$BATS_TEST_NUMBER-$i" \
      "{\"Name\":\"life$i\",\"Image\":\"$box_image\",\"Command\":[\"sleep\",\"1000\"]}"
    id=$(jq -r .ID "$dir/accepted")
    ids+=("$id")
    eventually 30 runs "$id"
    [ "$(field "$id" Attempt)" = 1 ]
    [ "$(field "$id" RestartCount)" = 0 ]
  done
  for id in "${ids[@]}"; do
    eventually 30 stop_accepted "$id"
    eventually 30 gone "$id"
    [ "$(events_of create "$id")" = 1 ]
    [ "$(events_of start "$id")" = 1 ]
  done
  [ "$(curl -fsS "$api/tasks" | jq '[.[] | select(.State < 3)] | length')" = 0 ]
}

died_twice() { # NAME
  echo "$1 at $(cat "$dir/$1.point"): died $(wc -l <"$dir/$1.crashes") times"
  [ "$(wc -l <"$dir/$1.crashes")" = 2 ]
  [ "$(grep -c "^failpoint $(cat "$dir/$1.point"): hit" "$dir/$1.log")" = 2 ]
}
both_die() { # POINT_OF_MANAGER POINT_OF_WORKER
  needs_failpoints
  arm manager "$1"
  arm n1 "$2"
  four_lives
  died_twice manager
  died_twice n1
}

@test "a build for users has no failpoints; one that has them refuses what it cannot understand" {
  if [ "${CUBE_FAILPOINTS:-}" = ON ]; then
    grep -aq CUBE_FP "$cube"
    CUBE_FP=nonsense run timeout 20 "$cube" manager --port "$(free_port)" --data-dir "$dir/nonsense"
    [ "$status" = 2 ]
    [[ $output == *"CUBE_FP"*"nonsense"* ]]
  else
    run grep -aEc 'CUBE_FP|before_commit|after_create|failpoint' "$cube"
    [ "$output" = 0 ]
  fi
}

@test "manager: accepted, not committed; worker: about to create" {
  both_die mgr.before_commit wrk.before_create
}
@test "manager: committed, not answered; worker: created, not started" {
  both_die mgr.after_commit_before_reply wrk.after_create
}
@test "manager: answered, not sent; worker: started, not reported" {
  both_die mgr.before_send wrk.after_start
}
@test "manager: sent, the answer not heard; worker: assigned, not committed" {
  both_die mgr.after_send wrk.before_commit
}
@test "manager: heard that it runs, not committed; worker: stopped, not removed" {
  both_die mgr.before_status_commit wrk.after_stop
}
@test "manager: heard that it is gone, not committed; worker: removed, not reported" {
  both_die mgr.before_tombstone_gc wrk.after_remove
}
@test "worker: assigned and committed, not answered" {
  needs_failpoints
  arm n1 wrk.after_commit_before_reply
  four_lives
  died_twice n1
}

# Not dead, but the answers lost: of the engine to create, start, stop and remove; of the worker to
# an assignment; and the disk full for one commit.
@test "answers that are lost, on both links" {
  needs_failpoints
  end n1
  start_again n1 "wrk.before_create=error@1;wrk.after_create=error@2;wrk.after_start=error@1;wrk.after_stop=error@1;wrk.after_remove=error@2"
  end manager
  start_again manager "mgr.before_commit=error@1;mgr.after_send=error@3"
  four_lives
  for point in wrk.before_create wrk.after_create wrk.after_start wrk.after_stop wrk.after_remove; do
    grep -q "^failpoint $point: hit" "$dir/n1.log"
  done
  grep -q "^failpoint mgr.before_commit: hit" "$dir/manager.log"
  grep -q "^failpoint mgr.after_send: hit" "$dir/manager.log"
}

# A worker that stands still in the middle of its work for longer than its manager waits.
@test "a worker that stands still before a create, past its deadline: the task runs once, elsewhere" {
  needs_failpoints
  end n1
  end manager
  start_worker n2
  start_again n1 "wrk.before_create=wait($dir/go)"
  start_manager --workers "127.0.0.1:$(worker_port n1),127.0.0.1:$(worker_port n2)" --node-deadline 3s
  eventually 20 nodes_ready 2
  for i in 1 2; do
    submit "{\"Name\":\"apart$i\",\"Image\":\"$box_image\",\"Command\":[\"sleep\",\"1000\"]}" >>"$dir/apart"
  done
  on_n2() { [ "$(curl -fsS "$api/tasks" | jq '[.[] | select(.State == 2 and .Node == "n2")] | length')" = 2 ]; }
  eventually 40 on_n2
  : >"$dir/go"
  eventually 20 nodes_ready 2
  one_each() {
    [ "$(docker ps -aq --filter "label=cube.cluster=$cluster" --filter label=cube.node=n1)" = "" ] &&
      [ "$(containers | wc -l)" = 2 ]
  }
  eventually 20 one_each
  on_n2
}
