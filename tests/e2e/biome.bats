#!/usr/bin/env bats
# The older systems, whole: an image that is posted to Biome's gateway is live under an alias, under
# real load; what is killed is gone, what crashes is back.

load helper

setup_file() {
  ingress_port=$(free_port)
  export ingress_port
  two_node_cluster --ingress-port "$ingress_port"
}
teardown_file() { end_cluster; }

answers() { curl -fsS --max-time 5 "http://127.0.0.1:$ingress_port/$alias/health" >/dev/null; }
gone() { [ "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$ingress_port/$alias/health")" = 404 ]; }

@test "spawned, an image is live under its alias; crashed, it is back; killed, it is gone" {
  local reply container
  reply=$(curl -fsS -X POST -d "{\"image\":\"$echo_image\",\"tag\":\"\",\"minContainers\":2,\"maxContainers\":4}" \
    "$api/spawn")
  alias=$(jq -r .alias <<<"$reply")
  container=$(jq -r .containerId <<<"$reply")
  [ "${#alias}" = 12 ]
  [ "$(jq -r .containerPORT <<<"$reply")" = 7777 ]
  curl -fsS "http://127.0.0.1:$(jq -r .hostPORT <<<"$reply")/health" >/dev/null
  eventually 20 answers

  # 400 requests of 8 clients, while a container is killed: none is lost.
  ( seq 400 | xargs -P 8 -I{} curl -s -o /dev/null --max-time 20 -w '%{http_code}\n' \
      "http://127.0.0.1:$ingress_port/$alias/health" >"$dir/codes" ) 3>&- &
  local load=$!
  docker kill "$container" >/dev/null
  wait "$load"
  sort "$dir/codes" | uniq -c
  [ "$(sort -u "$dir/codes")" = 200 ]
  both() { curl -fsS "$api/services" | jq -e '.[0].Status.Ready == 2' >/dev/null; }
  eventually 60 both

  [ "$(curl -fsS -X DELETE -d "{\"alias\":\"$alias\"}" "$api/kill")" = '{"success":true}' ]
  eventually 60 gone
}

@test "what cannot be spawned says why, in the gateway's form" {
  run curl -s -w '\n%{http_code}' -X POST -d '{"image":"x","minContainers":3,"maxContainers":1}' "$api/spawn"
  [[ $output == *'"error":"minContainers: 3 is more than maxContainers 1"'*400 ]]
  run curl -s --max-time 100 -w '\n%{http_code}' -X POST -d '{"image":"cube-test/there-is-no-such"}' "$api/spawn"
  [[ $output == *'"error":'*500 ]]
  none() { [ "$(curl -fsS "$api/services")" = "[]" ]; }
  eventually 60 none
}
