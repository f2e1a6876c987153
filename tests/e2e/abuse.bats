#!/usr/bin/env bats
# Hostile clients, on the real program: what two programs could read differently is refused by both
# daemons, and attacks of every kind cost neither a healthy client nor a node. `bench/abuse.sh` has
# the long form with its figures.

load helper

setup_file() {
  new_cluster
  start_worker n1
  start_manager --workers "127.0.0.1:$(worker_port n1)" --node-deadline "${CUBE_ABUSE_DEADLINE:-10s}"
  eventually 20 nodes_ready 1
}
teardown_file() { end_cluster; }

# raw PORT REQUEST: the status line of the reply to the bytes that printf makes of REQUEST.
raw() {
  exec 3<>"/dev/tcp/127.0.0.1/$1" || return 1
  # shellcheck disable=SC2059
  printf "$2" >&3
  timeout 10 head -n 1 <&3 | tr -d '\r'
  exec 3>&-
}

post='POST /tasks HTTP/1.1\r\nHost: localhost\r\n'
get='GET /tasks HTTP/1.1\r\nHost: localhost\r\n'
chunked="${post}Transfer-Encoding: chunked\r\n\r\n"
body='{"Name":"smuggled","Image":"echo"}' # 34 bytes, 22 in hexadecimal
framings() {
  cat <<EOF
400 both lengths|${post}Content-Length: 34\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n$body
400 both, the other way round|${post}Transfer-Encoding: chunked\r\nContent-Length: 34\r\n\r\n0\r\n\r\n$body
400 two lengths|${post}Content-Length: 34\r\nContent-Length: 0\r\n\r\n$body
400 the same length twice|${post}Content-Length: 34\r\nContent-Length: 34\r\n\r\n$body
400 a list of lengths|${post}Content-Length: 34, 34\r\n\r\n$body
400 a signed length|${post}Content-Length: +34\r\n\r\n$body
400 a negative length|${post}Content-Length: -1\r\n\r\n$body
400 a hexadecimal length|${post}Content-Length: 0x22\r\n\r\n$body
400 a length over 64 bits|${post}Content-Length: 18446744073709551650\r\n\r\n$body
400 a space before the colon|${post}Content-Length : 34\r\n\r\n$body
400 a space before the name|${post} Content-Length: 34\r\n\r\n$body
400 obsolete folding|${post}X: a\r\n Content-Length: 34\r\n\r\n$body
400 obsolete folding with a tab|${post}Transfer-Encoding:\r\n\tchunked\r\n\r\n0\r\n\r\n
400 bare line feeds|POST /tasks HTTP/1.1\nHost: localhost\nContent-Length: 34\n\n$body
400 one bare line feed|${post}X: a\nContent-Length: 34\r\n\r\n$body
400 a bare carriage return|${post}X: a\rContent-Length: 34\r\n\r\n$body
400 a NUL in a name|${post}Content-Length\\000: 34\r\n\r\n$body
400 a NUL in a value|${post}X: \\000\r\nContent-Length: 34\r\n\r\n$body
400 a vertical tab before the coding|${post}Transfer-Encoding:\vchunked\r\n\r\n0\r\n\r\n
501 an unknown coding|${post}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n
501 chunked not last|${post}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n
501 a coding before chunked|${post}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n
501 a quoted coding|${post}Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n
400 chunked twice|${post}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n
400 chunked in HTTP/1.0|POST /tasks HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n
400 a prefixed chunk size|${chunked}0x22\r\n$body\r\n0\r\n\r\n
400 a signed chunk size|${chunked}+22\r\n$body\r\n0\r\n\r\n
400 a chunk size over 64 bits|${chunked}10000000000000022\r\n$body\r\n0\r\n\r\n
400 a space after the chunk size|${chunked}22 \r\n$body\r\n0\r\n\r\n
400 a line feed after the chunk size|${chunked}22\n$body\r\n0\r\n\r\n
400 a line feed after the chunk|${chunked}22\r\n$body\n0\r\n\r\n
400 a line feed in an extension|${chunked}22;a="\n"\r\n$body\r\n0\r\n\r\n
400 a chunk that is longer than it says|${chunked}21\r\n$body\r\n0\r\n\r\n
400 a length in the trailer|${chunked}22\r\n$body\r\n0\r\nContent-Length: 34\r\n\r\n
400 two hosts|${get}Host: other\r\n\r\n
400 no host|GET /tasks HTTP/1.1\r\n\r\n
400 another host in the target|GET http://other/tasks HTTP/1.1\r\nHost: localhost\r\n\r\n
400 an encoded slash|GET /tasks%%2Fstats HTTP/1.1\r\nHost: localhost\r\n\r\n
400 a lower-case version|GET /tasks http/1.1\r\nHost: localhost\r\n\r\n
505 a version that is not spoken|GET /tasks HTTP/1.2\r\nHost: localhost\r\n\r\n
EOF
}

@test "requests that two programs could read differently are refused by both daemons" {
  local port line expected request count=0
  for port in "$manager_port" "$(worker_port n1)"; do
    while IFS= read -r line; do
      expected=${line%% *} request=${line#*|}
      echo "port $port: ${line%%|*}"
      [[ $(raw "$port" "$request") == "HTTP/1.1 $expected "* ]]
      count=$((count + 1))
    done < <(framings)
  done
  [ "$count" = 80 ]
  [ "$(curl -fsS "$api/tasks")" = "[]" ] # no task got in
  [ "$(curl -fsS "http://127.0.0.1:$(worker_port n1)/tasks")" = "[]" ]
}

@test "under every attack, alone and together: healthy clients are served, no node is lost, memory is bounded" {
  pid=$(cat "$dir/manager.pid")
  run "$ABUSE_BIN" --manager "127.0.0.1:$manager_port" --pid "$pid" --seconds 2 \
    --memory-mb "${CUBE_ABUSE_MEMORY_MB:-0}"
  echo "$output"
  [ "$status" = 0 ]
  kill -0 "$pid"
  eventually 20 nodes_ready 1
}

@test "a worker takes the same and still answers its manager" {
  pid=$(cat "$dir/n1.pid")
  for _ in 1 2 3; do
    [ "$(head -c 1000000 /dev/zero | tr '\0' '[' |
      status_of --data-binary @- "http://127.0.0.1:$(worker_port n1)/tasks")" = 400 ]
  done
  kill -0 "$pid"
  [ "$(curl -fsS "$api/nodes" | jq -r '.[0].State')" = ready ]
  [ "$(curl -fsS "$api/metrics" | sed -n 's/^cube_nodes_lost_total //p')" = 0 ]
}
