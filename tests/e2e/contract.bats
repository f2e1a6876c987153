#!/usr/bin/env bats
# The contract's routes, driven as an old client would: curl, the old JSON, nothing else.

load helper

setup_file() { two_node_cluster; }
teardown_file() { end_cluster; }

event() { # EVENT_ID STATE TASK_ID PORT
  printf '{"ID":"%s","State":%s,"Task":{"State":1,"ID":"%s","Name":"test-chapter-9.1","Image":"%s",
    "ExposedPorts":{"7777/tcp":{}},"PortBindings":{"7777/tcp":"%s"},"HealthCheck":"/health"}}' \
    "$1" "$2" "$3" "$echo_image" "$4"
}

@test "an empty manager lists no tasks, as an empty array" {
  [ "$(curl -fsS "$api/tasks")" = "[]" ]
}

@test "a task event is accepted with 201, runs, answers on the port it asked for, and stops" {
  id=bb1d59ef-9fc1-4e4b-a44d-db571eeed203
  port=$(free_port)
  event a7aa1d44-08f6-443e-9378-f5884311019e 2 "$id" "$port" >"$dir/event.json"

  run curl -s -w '\n%{http_code}' -d @"$dir/event.json" "$api/tasks"
  [ "${lines[-1]}" = 201 ]
  [ "$(jq -r .ID <<<"${lines[0]}")" = "$id" ]

  eventually 20 task_is "$id" State 2
  [ "$(curl -fsS -d '{"Msg":"hello"}' "http://127.0.0.1:$port/" | jq -r .Msg)" = hello ]
  [ "$(field "$id" 'HostPorts["7777/tcp"][0].HostPort')" = "$port" ]
  [ "$(docker inspect -f '{{.State.Running}}' "$(container_of "$id")")" = true ]

  # the same again: the same answer, and nothing started twice
  container=$(container_of "$id")
  [ "$(status_of -d @"$dir/event.json" "$api/tasks")" = 201 ]
  [ "$(container_of "$id")" = "$container" ]
  # other content under the same ID
  jq '.Task.Name = "other"' "$dir/event.json" >"$dir/other.json"
  [ "$(status_of -d @"$dir/other.json" "$api/tasks")" = 409 ]

  # by unique prefix
  [ "$(curl -fsS "$api/tasks/bb1d59ef" | jq -r .ID)" = "$id" ]

  [ "$(status_of -X DELETE "$api/tasks/$id")" = 204 ]
  eventually 20 task_is "$id" State 3
  eventually 20 test -z "$(docker ps -q --filter "label=cube.task=$id")"
}

@test "event state 3 stops a known task" {
  id=11111111-9fc1-4e4b-a44d-db571eeed203
  port=$(free_port)
  curl -fsS -d "$(event 21111111-9fc1-4e4b-a44d-db571eeed203 2 "$id" "$port")" "$api/tasks" >/dev/null
  eventually 20 task_is "$id" State 2
  curl -fsS -d "$(event 31111111-9fc1-4e4b-a44d-db571eeed203 3 "$id" "$port")" "$api/tasks" >/dev/null
  eventually 20 task_is "$id" State 3
}

@test "Ormen's Sail is taken for Task, and names match without regard to case" {
  id=44444444-9fc1-4e4b-a44d-db571eeed203
  curl -fsS -d "{\"id\":\"51111111-9fc1-4e4b-a44d-db571eeed203\",\"state\":2,
    \"sail\":{\"id\":\"$id\",\"name\":\"ormen\",\"image\":\"$echo_image\"}}" "$api/tasks" >/dev/null
  eventually 20 task_is "$id" State 2
  curl -fsS -X DELETE "$api/tasks/$id"
}

@test "nodes have the contract's members, in the order they were added" {
  run curl -fsS "$api/nodes"
  jq -e 'map(.Name) == ["n1", "n2"]' <<<"$output"
  jq -e 'all(.Role == "worker" and (.Api | startswith("http://")) and .Memory > 0 and .Disk > 0
             and (.MemoryAllocated | type) == "number" and (.DiskAllocated | type) == "number"
             and (.TaskCount | type) == "number" and (.Stats | type) == "object")' <<<"$output"
}

@test "unknown and ambiguous IDs are refused with a message" {
  run curl -s -w '\n%{http_code}' "$api/tasks/99999999-9fc1-4e4b-a44d-db571eeed203"
  [ "${lines[-1]}" = 404 ]
  jq -e '.HTTPStatusCode == 404 and (.Message | length) > 0' <<<"${lines[0]}"
  [ "$(status_of -X DELETE "$api/tasks/99999999-9fc1-4e4b-a44d-db571eeed203")" = 404 ]

  submit "{\"ID\":\"77777777-0000-4000-8000-000000000001\",\"Name\":\"a1\",\"Image\":\"$echo_image\"}"
  submit "{\"ID\":\"77777777-0000-4000-8000-000000000002\",\"Name\":\"a2\",\"Image\":\"$echo_image\"}"
  [ "$(status_of "$api/tasks/77777777")" = 409 ]
  curl -fsS -X DELETE "$api/tasks/77777777-0000-4000-8000-000000000001"
  curl -fsS -X DELETE "$api/tasks/77777777-0000-4000-8000-000000000002"
}

@test "a worker serves its tasks and statistics without a manager" {
  start_worker alone
  worker=http://127.0.0.1:$(worker_port alone)
  [ "$(curl -fsS "$worker/tasks")" = "[]" ]
  jq -e '.MemStats.mem_total > 0 and .DiskStats.all > 0 and .CpuStats.id == "cpu"
         and .LoadStats.process_total > 0 and .TaskCount == 0' <<<"$(curl -fsS "$worker/stats")"

  id=88888888-9fc1-4e4b-a44d-db571eeed203
  port=$(free_port)
  event 61111111-9fc1-4e4b-a44d-db571eeed203 2 "$id" "$port" >"$dir/alone.json"
  [ "$(status_of -d @"$dir/alone.json" "$worker/tasks")" = 201 ]
  running() { [ "$(curl -fsS "$worker/tasks/$id" | jq .State)" = 2 ]; }
  eventually 20 running
  curl -fsS "http://127.0.0.1:$port/health"

  # an old manager asks for a restart: the same ID, State 1, the container's ID
  container=$(curl -fsS "$worker/tasks/$id" | jq -r .ContainerID)
  jq --arg c "$container" '.Task.ContainerID = $c | .Task.State = 1' "$dir/alone.json" >"$dir/again.json"
  [ "$(status_of -d @"$dir/again.json" "$worker/tasks")" = 201 ]
  replaced() {
    [ "$(curl -fsS "$worker/tasks/$id" | jq -r '"\(.State) \(.ContainerID != "'"$container"'")"')" = "2 true" ]
  }
  eventually 20 replaced

  [ "$(status_of -X DELETE "$worker/tasks/$id")" = 204 ]
  [ "$(status_of -X DELETE "$worker/tasks/99999999-9fc1-4e4b-a44d-db571eeed203")" = 404 ]
  gone() { [ -z "$(docker ps -q --filter "label=cube.task=$id")" ]; }
  eventually 20 gone
}

@test "the command line drives both task forms: run, status, node, stop" {
  port=$(free_port)
  event 71111111-9fc1-4e4b-a44d-db571eeed203 2 aaaaaaaa-9fc1-4e4b-a44d-db571eeed203 "$port" >"$dir/task.json"
  run "$cube" run -f "$dir/task.json"
  [ "$status" = 0 ]
  printf '{"Name":"bare","Image":"%s"}' "$echo_image" >"$dir/bare.json"
  run "$cube" run -m "127.0.0.1:$manager_port" --filename "$dir/bare.json"
  [ "$status" = 0 ]

  run "$cube" status
  [ "$status" = 0 ]
  [[ ${lines[0]} == ID*NAME*CREATED*STATE*CONTAINERNAME*IMAGE* ]]
  [[ $output == *aaaaaaaa*test-chapter-9.1*Running* ]]
  run "$cube" node
  [ "$status" = 0 ]
  [[ ${lines[0]} == NAME*"MEMORY (MiB)"*"DISK (GiB)"*ROLE*TASKS* ]]
  [[ $output == *n1*worker* ]]

  run "$cube" stop aaaaaaaa bare
  [ "$status" = 0 ]
  [[ $output == *stopped* ]]
}
