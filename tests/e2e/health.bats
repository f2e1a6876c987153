#!/usr/bin/env bats
# Health checks and restart policies, on real containers.

load helper

setup_file() { two_node_cluster; }
teardown_file() { end_cluster; }

@test "exit code 0 is Completed, another is Failed, each with its reason" {
  ok=$(submit "{\"Name\":\"ok\",\"Image\":\"$box_image\",\"Command\":[\"true\"]}")
  bad=$(submit "{\"Name\":\"bad\",\"Image\":\"$box_image\",\"Command\":[\"sh\",\"-c\",\"exit 3\"],\"RestartPolicy\":\"no\"}")
  eventually 20 task_is "$ok" State 3
  eventually 20 task_is "$bad" State 4
  [ "$(field "$bad" ExitCode)" = 3 ]
  [[ $(field "$bad" Reason) == *"exit code 3"* ]]
}

@test "on-failure with a maximum restarts that often, then fails; logs of the last one are kept" {
  id=$(submit "{\"Name\":\"two\",\"Image\":\"$box_image\",\"Command\":[\"sh\",\"-c\",\"echo last words; exit 7\"],
    \"RestartPolicy\":\"on-failure:2\"}")
  eventually 30 task_is "$id" State 4
  [ "$(field "$id" RestartCount)" = 2 ]
  [ "$(curl -fsS "$api/tasks/$id/logs?tail=1")" = "last words" ]
}

@test "an OOM kill is told from other deaths" {
  id=$(submit "{\"Name\":\"oom\",\"Image\":\"$box_image\",\"Memory\":\"20MiB\",\"RestartPolicy\":\"no\",
    \"Command\":[\"sh\",\"-c\",\"x=a; while true; do x=\$x\$x; done\"]}")
  eventually 30 task_is "$id" State 4
  [[ $(field "$id" Reason) == *"out of memory"* ]]
}

@test "a healthy task says so; a check is only ever of the task's own container" {
  id=$(submit "{\"Name\":\"fit\",\"Image\":\"$echo_image\",\"ExposedPorts\":{\"7777/tcp\":{}},
    \"HealthCheck\":{\"Path\":\"/health\",\"Interval\":\"500ms\"}}")
  eventually 20 task_is "$id" Healthy healthy
  run "$cube" status -o wide
  [[ $output == *HEALTHY* && $output == *healthy* ]]
}

@test "unhealthy past its retries: restarted in place, then a new attempt on the other node" {
  id=$(submit "{\"Name\":\"sick\",\"Image\":\"$echo_image\",\"ExposedPorts\":{\"7777/tcp\":{}},\"RestartPolicy\":\"always\",
    \"HealthCheck\":{\"Path\":\"/healthfail\",\"Interval\":\"200ms\",\"Retries\":2}}")
  eventually 20 task_is "$id" State 2
  first=$(field "$id" Node)
  restarted() { [ "$(field "$id" RestartCount)" -ge 1 ] && [ "$(field "$id" Attempt)" = 1 ]; }
  eventually 20 restarted
  moved() { [ "$(field "$id" Attempt)" -ge 2 ] && [ "$(field "$id" Node)" != "$first" ]; }
  eventually 60 moved
  curl -fsS "$api/events" | jq -e 'any(.[]; .Kind == "task.unhealthy")'
  curl -fsS "$api/events" | jq -e 'any(.[]; .Kind == "task.moved")'
  curl -fsS -X DELETE "$api/tasks/$id"
}

@test "TCP and command checks" {
  tcp=$(submit "{\"Name\":\"tcp\",\"Image\":\"$echo_image\",\"ExposedPorts\":{\"7777/tcp\":{}},
    \"HealthCheck\":{\"Type\":\"tcp\",\"Interval\":\"300ms\"}}")
  command=$(submit "{\"Name\":\"cmd\",\"Image\":\"$box_image\",\"Command\":[\"sleep\",\"1000\"],
    \"HealthCheck\":{\"Command\":[\"sh\",\"-c\",\"exit 0\"],\"Interval\":\"300ms\"}}")
  sick=$(submit "{\"Name\":\"sick-cmd\",\"Image\":\"$box_image\",\"Command\":[\"sleep\",\"1000\"],\"RestartPolicy\":\"no\",
    \"HealthCheck\":{\"Command\":[\"false\"],\"Interval\":\"200ms\",\"Retries\":1}}")
  eventually 20 task_is "$tcp" Healthy healthy
  eventually 20 task_is "$command" Healthy healthy
  eventually 20 task_is "$sick" Healthy unhealthy
}

@test "one slow target delays no other" {
  for i in 1 2 3 4 5 6 7 8; do
    submit "{\"Name\":\"slow$i\",\"Image\":\"$box_image\",\"Command\":[\"nc\",\"-lk\",\"-p\",\"7777\",\"-e\",\"sleep\",\"1000\"],
      \"ExposedPorts\":{\"7777/tcp\":{}},\"HealthCheck\":{\"Path\":\"/\",\"Interval\":\"5s\",\"Timeout\":\"30s\",\"Retries\":10}}" >/dev/null
  done
  id=$(submit "{\"Name\":\"quick\",\"Image\":\"$echo_image\",\"ExposedPorts\":{\"7777/tcp\":{}},
    \"HealthCheck\":{\"Path\":\"/health\",\"Interval\":\"200ms\"}}")
  eventually 15 task_is "$id" Healthy healthy
}
