#!/usr/bin/env bats
# What a task asks for is really on its container; what it must not have, it has not.

load helper

setup_file() {
  new_cluster
  mkdir -p "$dir/allowed/data"
  start_worker n1 --allow-mount "$dir/allowed" --label disk=ssd
  start_manager --workers "127.0.0.1:$(worker_port n1)"
  eventually 20 nodes_ready 1
}
teardown_file() {
  end_cluster
  docker volume rm "$cluster-data" >/dev/null 2>&1 || true
}

inspect() { docker inspect -f "$2" "$(container_of "$1")"; }

@test "a node that is ready knows what it has" {
  curl -fsS "$api/nodes" | jq -e '.[0].CpuMilli > 0 and .[0].Memory > 0 and .[0].Disk > 0'
}

@test "CPU, memory and pids limits, init, capped logs, no engine restart policy" {
  id=$(submit "{\"Name\":\"limited\",\"Image\":\"$box_image\",\"Command\":[\"sleep\",\"1000\"],
    \"Cpu\":0.25,\"Memory\":\"64MiB\",\"PidsLimit\":50}")
  eventually 20 task_is "$id" State 2
  [ "$(inspect "$id" '{{.HostConfig.NanoCpus}}')" = 250000000 ]
  [ "$(inspect "$id" '{{.HostConfig.Memory}}')" = 67108864 ]
  [ "$(inspect "$id" '{{.HostConfig.MemorySwap}}')" = 67108864 ]
  [ "$(inspect "$id" '{{.HostConfig.PidsLimit}}')" = 50 ]
  [ "$(inspect "$id" '{{.HostConfig.Init}}')" = true ]
  [ "$(inspect "$id" '{{.HostConfig.RestartPolicy.Name}}')" = no ]
  [ "$(inspect "$id" '{{index .HostConfig.LogConfig.Config "max-size"}}')" = 10m ]
  [ "$(curl -fsS "$api/nodes" | jq '.[0].MemoryAllocated')" = 65536 ]
}

@test "environment, entrypoint, command, working directory, user, labels" {
  id=$(submit "{\"Name\":\"detailed\",\"Image\":\"$box_image\",\"Env\":[\"GREETING=hello world\"],
    \"Entrypoint\":[\"sh\",\"-c\"],\"Command\":[\"echo \$GREETING; pwd; id -u; exec sleep 1000\"],
    \"WorkingDir\":\"/tmp\",\"User\":\"1234\",\"Labels\":{\"team\":\"blue\"}}")
  eventually 20 task_is "$id" State 2
  logged() { [ "$(curl -fsS "$api/tasks/$id/logs")" = $'hello world\n/tmp\n1234' ]; }
  eventually 10 logged
  [ "$(inspect "$id" '{{.Config.Labels.team}}')" = blue ]
}

@test "a named volume keeps what one task wrote for the next" {
  write=$(submit "{\"Name\":\"writer\",\"Image\":\"$box_image\",\"Command\":[\"sh\",\"-c\",\"echo kept > /data/file\"],
    \"RestartPolicy\":\"no\",\"Mounts\":[{\"Type\":\"volume\",\"Source\":\"$cluster-data\",\"Target\":\"/data\"}]}")
  eventually 20 task_is "$write" State 3
  read=$(submit "{\"Name\":\"reader\",\"Image\":\"$box_image\",\"Command\":[\"cat\",\"/data/file\"],
    \"RestartPolicy\":\"no\",\"Mounts\":[{\"Type\":\"volume\",\"Source\":\"$cluster-data\",\"Target\":\"/data\"}]}")
  eventually 20 task_is "$read" State 3
  [ "$(curl -fsS "$api/tasks/$read/logs")" = kept ]
}

@test "host paths only under the directories that the operator allows" {
  good=$(submit "{\"Name\":\"good\",\"Image\":\"$box_image\",\"Command\":[\"sh\",\"-c\",\"echo x > /data/x\"],
    \"RestartPolicy\":\"no\",\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"$dir/allowed/data\",\"Target\":\"/data\"}]}")
  eventually 20 task_is "$good" State 3
  [ "$(cat "$dir/allowed/data/x")" = x ]
  ln -s /etc "$dir/allowed/etc"
  for source in /etc "$dir/allowed/etc" "$dir/allowedelse"; do
    bad=$(submit "{\"Name\":\"bad\",\"Image\":\"$box_image\",\"Command\":[\"sleep\",\"1000\"],
      \"RestartPolicy\":\"no\",\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"$source\",\"Target\":\"/data\"}]}")
    eventually 20 task_is "$bad" State 4
    [[ $(field "$bad" Reason) == *Mounts* ]]
  done
}

@test "a random port is read back" {
  id=$(submit "{\"Name\":\"random\",\"Image\":\"$echo_image\",\"PortBindings\":{\"7777/tcp\":\"\"}}")
  eventually 20 task_is "$id" State 2
  port=$(field "$id" 'HostPorts["7777/tcp"][0].HostPort')
  eventually 10 curl -fsS "http://127.0.0.1:$port/health"
}

@test "the grace period is honoured: TERM, time to finish, and no more" {
  id=$(submit "{\"Name\":\"stubborn\",\"Image\":\"$box_image\",\"StopGracePeriod\":\"1s\",
    \"Command\":[\"sh\",\"-c\",\"trap 'echo got TERM' TERM; while true; do sleep 0.1; done\"]}")
  eventually 20 task_is "$id" State 2
  docker events --since 0s --filter "label=cube.task=$id" --format '{{.Action}} {{index .Actor.Attributes "signal"}}' \
    >"$dir/events" 3>&- &
  watcher=$!
  curl -fsS -X DELETE "$api/tasks/$id"
  eventually 20 task_is "$id" State 3
  seen() { grep -q 'kill 15' "$dir/events" && grep -q 'kill 9' "$dir/events"; }
  eventually 10 seen
  kill "$watcher"
}

@test "constraints, and a task that no node can hold: it waits and says why" {
  id=$(submit "{\"Name\":\"ssd\",\"Image\":\"$box_image\",\"Command\":[\"sleep\",\"1000\"],
    \"Constraints\":[\"node.labels.disk==ssd\"]}")
  eventually 20 task_is "$id" State 2
  id=$(submit "{\"Name\":\"hdd\",\"Image\":\"$box_image\",\"Constraints\":[\"node.labels.disk==hdd\"]}")
  [ "$(field "$id" State)" = 0 ]
  [[ $(field "$id" Reason) == *"node.labels.disk==hdd"* ]]
  id=$(submit "{\"Name\":\"huge\",\"Image\":\"$box_image\",\"Memory\":\"900TiB\"}")
  [ "$(field "$id" State)" = 0 ]
  [[ $(field "$id" Reason) == *memory* ]]
}
