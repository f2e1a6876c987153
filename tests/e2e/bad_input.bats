#!/usr/bin/env bats
# Bad input gets a message that names the field or the cause, the right status, and changes nothing.

load helper

setup_file() { two_node_cluster; }
teardown_file() { end_cluster; }

# refuse STATUS TEXT BODY: the manager refuses the body so, with a message that holds the text.
refuse() {
  local reply
  reply=$(printf '%s' "$3" | curl -s -w '\n%{http_code}' --data-binary @- "$api/tasks")
  if [ "${reply##*$'\n'}" != "$1" ] || [[ $(jq -r .Message <<<"${reply%$'\n'*}") != *"$2"* ]]; then
    echo "body: ${3:0:200}"
    echo "wanted $1 with '$2', got: $reply"
    return 1
  fi
}

@test "malformed, deep, huge, duplicate-key, wrongly typed, unknown, invalid UTF-8" {
  before=$(curl -fsS "$api/tasks" | jq length)
  refuse 400 "JSON" '{"Name":'
  refuse 400 "JSON" ''
  refuse 400 "" '[]'
  refuse 400 "" '"task"'
  refuse 400 "nested deeper" "$(printf '[%.0s' $(seq 1 5000))"
  refuse 400 "Name" '{"Name":"a","Name":"b","Image":"x"}'
  refuse 400 "Image" '{"Name":"a","Image":7}'
  refuse 400 "Imgae" '{"Name":"a","Imgae":"x"}'
  refuse 400 "Image" '{"Name":"a"}'
  refuse 400 "" "$(printf '{"Name":"a\xff","Image":"x"}')"
  refuse 400 "Memory" '{"Name":"a","Image":"x","Memory":-1}'
  refuse 400 "Memory" '{"Name":"a","Image":"x","Memory":1e300}'
  refuse 400 "Cpu" '{"Name":"a","Image":"x","Cpu":-0.5}'
  refuse 400 "Cpu" '{"Name":"a","Image":"x","Cpu":1e9}'
  refuse 400 "PortBindings" '{"Name":"a","Image":"x","PortBindings":{"7777/tcp":"99999"}}'
  refuse 400 "RestartPolicy" '{"Name":"a","Image":"x","RestartPolicy":"sometimes"}'
  refuse 400 "HealthCheck" '{"Name":"a","Image":"x","HealthCheck":{"Path":"/","Port":80,"Interval":"never"}}'
  refuse 400 "ID" '{"ID":"not-a-uuid","Name":"a","Image":"x"}'
  refuse 400 "State" '{"ID":"a7aa1d44-08f6-443e-9378-f5884311019e","State":9,"Task":{"Name":"a","Image":"x"}}'
  head -c 5000000 /dev/zero | tr '\0' ' ' >"$dir/huge"
  [ "$(status_of --data-binary @"$dir/huge" "$api/tasks")" = 413 ]
  [ "$(curl -fsS "$api/tasks" | jq length)" = "$before" ]
}

@test "an image that does not exist" {
  run "$cube" run --image no-such-image-anywhere --name ghost --timeout 60s
  [ "$status" = 1 ]
  [[ $output == *no-such-image-anywhere* ]]
}

@test "a command that cannot start" {
  run "$cube" run --image "$box_image" --name nocommand -- /no/such/command
  [ "$status" = 1 ]
  [[ $output == */no/such/command* ]]
  [ "$(docker ps -aq --filter "label=cube.cluster=$cluster" --filter status=created)" = "" ]
}

@test "a host port that another program holds" {
  port=$(free_port)
  "$cube" dev --help >/dev/null # the program itself is fine
  "$cube" worker --name holder --port "$port" --cluster "$cluster-holder" --data-dir "$dir/holder" 2>/dev/null 3>&- &
  echo $! >"$dir/holder.pid"
  eventually 10 daemon_started holder "$port"
  run "$cube" run --image "$echo_image" --name clash --port "$port:7777" --timeout 30s
  [ "$status" = 1 ]
  [[ $output == *"$port"* && $output == *"in use"* ]]
}

@test "a container name taken by someone else's container is left alone" {
  id=bbbbbbbb-0000-4000-8000-000000000001
  start_worker n3
  # learn the names that n3 gives, then take the next task's name on it
  probe=$(curl -fsS -d "{\"ID\":\"$id\",\"Name\":\"x\",\"Image\":\"$box_image\",\"Command\":[\"sleep\",\"1000\"]}" \
    "http://127.0.0.1:$(worker_port n3)/tasks" | jq -r .ID)
  named() { docker ps --filter "label=cube.task=$id" --format '{{.Names}}' | grep .; }
  eventually 20 named
  name=$(named)
  other=bbbbbbbb-0000-4000-8000-000000000002
  foreign=$(docker create --name "${name//$id/$other}" "$box_image" sleep 1)
  curl -fsS -d "{\"ID\":\"$other\",\"Name\":\"y\",\"Image\":\"$box_image\",\"RestartPolicy\":\"no\",\"Command\":[\"sleep\",\"1000\"]}" \
    "http://127.0.0.1:$(worker_port n3)/tasks" >/dev/null
  failed() { [[ $(curl -fsS "http://127.0.0.1:$(worker_port n3)/tasks/$other" | jq -r '"\(.State) \(.Reason)"') == "4 "*"name"* ]]; }
  eventually 20 failed
  [ "$(docker inspect -f '{{.State.Status}}' "$foreign")" = created ]
  docker rm "$foreign" >/dev/null
}

@test "a task larger than any node waits, and run says so with exit code 3" {
  run "$cube" run --image "$echo_image" --name giant --memory 900TiB --timeout 20s
  [ "$status" = 3 ]
  [[ $output == *memory* ]]
}

@test "unknown and ambiguous references" {
  run "$cube" inspect no-such-task
  [ "$status" = 4 ]
  run "$cube" stop no-such-task
  [ "$status" = 4 ]
  [[ $output != *stopped* ]]
  submit "{\"ID\":\"cccccccc-0000-4000-8000-000000000001\",\"Name\":\"twin\",\"Image\":\"$echo_image\"}"
  submit "{\"ID\":\"cccccccc-0000-4000-8000-000000000002\",\"Name\":\"twin\",\"Image\":\"$echo_image\"}"
  run "$cube" inspect cccccccc
  [ "$status" = 5 ]
  run "$cube" stop twin
  [ "$status" = 5 ]
}

@test "a manager that cannot be reached" {
  run "$cube" status -m 127.0.0.1:1
  [ "$status" = 7 ]
  [[ $output == *127.0.0.1:1* ]]
}

@test "a port already bound, a store already open, of another role, or not writable" {
  run timeout 20 "$cube" manager --port "$manager_port" --data-dir "$dir/second"
  [ "$status" = 1 ]
  [[ $output == *"$manager_port"*"in use"* ]]
  run timeout 20 "$cube" manager --port "$(free_port)" --data-dir "$dir/manager"
  [ "$status" = 1 ]
  [[ $output == *"$dir/manager"*open* ]]
  end n2
  run timeout 20 "$cube" manager --port "$(free_port)" --data-dir "$dir/n2"
  [ "$status" = 1 ]
  [[ $output == *worker* ]]
  start_worker n2
  : >"$dir/file"
  run timeout 20 "$cube" manager --port "$(free_port)" --data-dir "$dir/file/x"
  [ "$status" = 1 ]
  [[ $output == *"$dir/file"* ]]
}

@test "a second worker of one name and cluster on the engine touches nothing" {
  id=$(submit "{\"Name\":\"alone\",\"Image\":\"$echo_image\"}")
  eventually 30 task_is "$id" State 2
  node=$(field "$id" Node)
  run timeout 20 "$cube" worker --name "$node" --cluster "$cluster" --port "$(free_port)" \
    --data-dir "$dir/twin"
  [ "$status" = 1 ]
  [[ $output == *"another worker named $node of cluster $cluster"* ]]
  [ "$(docker inspect -f '{{.State.Running}}' "$(container_of "$id")")" = true ]
}

@test "a full disk: 507, nothing lost, and on it goes when there is room again" {
  [ "$(id -u)" = 0 ] || skip "mounting a small disk needs root"
  mkdir -p "$dir/small"
  mount -t tmpfs -o size=2m none "$dir/small"
  port=$(free_port)
  "$cube" manager --port "$port" --cluster "$cluster-full" --data-dir "$dir/small/m" 2>"$dir/full.log" 3>&- &
  echo $! >"$dir/full.pid"
  eventually 10 daemon_started full "$port"
  env=$(head -c 20000 /dev/zero | tr '\0' x)
  code=201
  accepted=0
  while [ "$code" = 201 ] && [ "$accepted" -lt 200 ]; do
    code=$(status_of -d "{\"Name\":\"t\",\"Image\":\"x\",\"Env\":[\"A=$env\"]}" "http://127.0.0.1:$port/tasks")
    if [ "$code" = 201 ]; then accepted=$((accepted + 1)); fi
  done
  [ "$code" = 507 ]
  [ "$accepted" -gt 0 ]
  [ "$(curl -fsS "http://127.0.0.1:$port/tasks" | jq length)" = "$accepted" ]
  # stopping still works: it is what frees room
  for id in $(curl -fsS "http://127.0.0.1:$port/tasks" | jq -r '.[0:5][].ID'); do
    [ "$(status_of -X DELETE "http://127.0.0.1:$port/tasks/$id")" = 204 ]
  done
  mount -o remount,size=16m "$dir/small"
  again() { [ "$(status_of -d '{"Name":"t","Image":"x"}' "http://127.0.0.1:$port/tasks")" = 201 ]; }
  eventually 20 again
  end full KILL
  "$cube" manager --port "$port" --cluster "$cluster-full" --data-dir "$dir/small/m" 2>>"$dir/full.log" 3>&- &
  echo $! >"$dir/full.pid"
  eventually 10 daemon_started full "$port"
  [ "$(curl -fsS "http://127.0.0.1:$port/tasks" | jq length)" -gt "$accepted" ]
  end full KILL
  umount "$dir/small"
}
