#!/usr/bin/env bats
# Being looked at: metrics, health, events, the OpenAPI document, logs, and the command line's views.

load helper

setup_file() { two_node_cluster; }
teardown_file() { end_cluster; }

@test "metrics on both daemons, with cAdvisor's names for containers" {
  id=$(submit "{\"Name\":\"seen\",\"Image\":\"$echo_image\",\"Memory\":\"64MiB\"}")
  eventually 20 task_is "$id" State 2
  curl -fsS "$api/metrics" | grep -qx 'cube_tasks{state="Running"} 1'
  curl -fsS "$api/metrics" | grep -q '^cube_node_ready{node="n1"} 1$'
  page=$(curl -fsS "http://127.0.0.1:$(worker_port "$(field "$id" Node)")/metrics")
  for name in container_cpu_usage_seconds_total container_memory_usage_bytes \
    container_memory_working_set_bytes container_spec_memory_limit_bytes \
    container_network_receive_bytes_total container_network_transmit_bytes_total \
    container_fs_reads_bytes_total container_fs_writes_bytes_total; do
    grep -q "^$name{.*name=\"seen\".*}" <<<"$page"
  done
  grep -q '^container_spec_memory_limit_bytes{.*} 67108864$' <<<"$page"
  curl -fsS -X DELETE "$api/tasks/$id"
}

@test "events: as JSON since a revision, and as a stream that can be resumed" {
  start=$(curl -fsS "$api/events" | jq 'map(.Revision) | max // 0')
  id=$(submit "{\"Name\":\"told\",\"Image\":\"$echo_image\"}")
  eventually 20 task_is "$id" State 2
  kinds() { curl -fsS "$api/events?since=$start" | jq -r '.[].Kind'; }
  kinds | grep -qx task.submitted
  kinds | grep -qx task.placed
  kinds | grep -qx task.running

  curl -sN --max-time 20 -H 'Accept: text/event-stream' -H "Last-Event-ID: $start" "$api/events" >"$dir/stream" 3>&- &
  reader=$!
  resumed() { grep -q '^event: task.running' "$dir/stream"; }
  eventually 10 resumed
  curl -fsS -X DELETE "$api/tasks/$id"
  stopped() { grep -q '"told"' "$dir/stream" && grep -q '^event: task.stopp' "$dir/stream"; }
  eventually 20 stopped
  kill "$reader"
  [ "$(grep '^id: ' "$dir/stream" | sort -u | wc -l)" = "$(grep -c '^id: ' "$dir/stream")" ]
}

@test "healthz, version and an OpenAPI 3.1 document on both daemons" {
  for base in "$api" "http://127.0.0.1:$(worker_port n1)"; do
    curl -fsS "$base/healthz" | jq -e '.Status == "ok"'
    curl -fsS "$base/version" | jq -e '.Version | length > 0'
    curl -fsS "$base/openapi.json" | jq -e '(.openapi | startswith("3.1")) and (.paths["/tasks"].post | type) == "object"'
  done
}

@test "an unknown path is 404, a wrong method 405, both in the contract's form" {
  [ "$(status_of "$api/nothing")" = 404 ]
  [ "$(status_of -X PATCH "$api/tasks")" = 405 ]
  curl -s "$api/nothing" | jq -e '.HTTPStatusCode == 404'
}

@test "logs: all, tail, follow until the task ends" {
  id=$(submit "{\"Name\":\"talker\",\"Image\":\"$box_image\",\"RestartPolicy\":\"no\",
    \"Command\":[\"sh\",\"-c\",\"for i in 1 2 3 4 5; do echo line \$i; sleep 0.2; done\"]}")
  eventually 20 task_is "$id" State 2
  run timeout 20 "$cube" logs -f talker
  [ "$status" = 0 ]
  [ "${#lines[@]}" = 5 ]
  [ "${lines[4]}" = "line 5" ]
  eventually 10 task_is "$id" State 3
  [ "$("$cube" logs --tail 2 talker)" = $'line 4\nline 5' ]
}

@test "output forms: json, name, quiet, no-trunc, wide" {
  id=$(submit "{\"Name\":\"shown\",\"Image\":\"$echo_image\"}")
  eventually 20 task_is "$id" State 2
  "$cube" status -o json | jq -e 'any(.[]; .Name == "shown")'
  "$cube" status -o name | grep -qx shown
  "$cube" status -q | grep -q "${id:0:8}"
  "$cube" status --no-trunc | grep -q "$id"
  "$cube" status -o wide | grep -q NODE
  "$cube" inspect "${id:0:8}" | jq -e '.Name == "shown"'
  "$cube" node -o json | jq -e 'length == 2'
  "$cube" events | grep -q task.running
  "$cube" stop shown | grep -q stopped
}

@test "unknown commands and flags suggest the nearest, with exit code 2" {
  run "$cube" stauts
  [ "$status" = 2 ]
  [[ $output == *status* ]]
  run "$cube" status --no-trnc
  [ "$status" = 2 ]
  [[ $output == *--no-trunc* ]]
}

@test "completions load in their shells" {
  "$cube" completion bash >"$dir/c.bash"
  bash -n "$dir/c.bash"
  "$cube" completion zsh | grep -q compdef
  "$cube" completion fish | grep -q 'complete -c cube'
}

@test "run prints what failed, with the container's last words, and exits with 1" {
  run "$cube" run --image "$box_image" --name dying --restart no -- sh -c 'echo my last words; exit 9'
  [ "$status" = 1 ]
  [[ $output == *"my last words"* && $output == *"exit code 9"* ]]
}

@test "cube dev: a manager and a worker in one process" {
  port=$(free_port)
  "$cube" dev --port "$port" --worker-port "$(free_port)" --data-dir "$dir/dev" 2>"$dir/dev.log" 3>&- &
  echo $! >"$dir/dev.pid"
  eventually 10 daemon_started dev "$port"
  run "$cube" run -m "127.0.0.1:$port" --image "$echo_image" --name hi
  [ "$status" = 0 ]
  run "$cube" stop -m "127.0.0.1:$port" hi
  [ "$status" = 0 ]
  end dev TERM
}

@test "a worker makes itself known with --join" {
  start_worker joiner --join "127.0.0.1:$manager_port"
  eventually 20 nodes_ready 3
  curl -fsS "$api/nodes" | jq -e 'map(.Name) == ["n1", "n2", "joiner"]'
}
