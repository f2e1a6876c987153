#!/bin/bash
# Measures the ingress beside HAProxy and nginx in one run, all three with one thread in front of the
# same replicas, and puts the section "Ingress" into bench/RESULTS.md. Needs the Debian packages
# haproxy, nginx and wrk; some six minutes.
#
#   bench/ingress.sh [SECONDS of each measurement, 5]
. "$(dirname "$0")/lib.sh"

seconds=${1:-5}
for tool in haproxy nginx wrk; do
  command -v "$tool" >/dev/null || { echo "needs $tool: apt-get install haproxy nginx wrk" >&2; exit 1; }
done
build cube ingress_bench
ulimit -n "$(ulimit -Hn)"
ports=() # manager, ingress, haproxy, nginx for 1 and for 4 replicas; two for the changes; replicas
while [ ${#ports[@]} -lt 14 ]; do
  port=$(free_port)
  [[ " ${ports[*]} " == *" $port "* ]] || ports+=("$port")
done
replicas=("${ports[@]:10:4}")
mkdir -p "$dir/www" "$dir/tmp"
chmod 755 "$dir" # nginx may read it as another user
head -c 16384 /dev/zero | tr '\0' x >"$dir/www/16k"
temp_paths=$(for kind in client_body proxy fastcgi uwsgi scgi; do echo "${kind}_temp_path $dir/tmp/$kind;"; done)

run() { # NAME COMMAND...: in the background, until the end of the script
  local name=$1
  shift
  "$@" >"$dir/$name.log" 2>&1 &
  echo $! >"$dir/$name.pid"
  pids+=($!)
}

nginx_conf() { # NAME HTTP_BLOCK
  cat >"$dir/$1.conf" <<END
worker_processes 1; daemon off; pid $dir/$1.nginx; error_log $dir/$1.err;
events { worker_connections 8192; }
http { access_log off; keepalive_requests 1000000000; keepalive_timeout 300s; $temp_paths
$2
}
END
}

nginx_conf replicas "server { $(for p in "${replicas[@]}"; do echo "listen 127.0.0.1:$p backlog=4096;"; done)
  location / { root $dir/www; } location = /small { return 200 'hello, world\n'; } }"
run replicas nginx -c "$dir/replicas.conf"

for n in 1 4; do
  base=$((n == 1 ? 0 : 4))
  list=$(for p in "${replicas[@]:0:n}"; do echo "127.0.0.1:$p"; done)
  run "manager$n" "$build/bench/ingress_bench" --port "${ports[base]}" --replicas "$(paste -sd, <<<"$list")"
  run "cube$n" "$build/cube" ingress -m "127.0.0.1:${ports[base]}" --port "${ports[base + 1]}" --metrics-port 0
  {
    printf 'global\n  nbthread 1\n  maxconn 4000\ndefaults\n  mode http\n  timeout connect 2s\n'
    printf '  timeout client 75s\n  timeout server 60s\n  option http-keep-alive\n  http-reuse always\n'
    printf '  option forwardfor\n  option redispatch\nfrontend f\n  bind 127.0.0.1:%s\n' "${ports[base + 2]}"
    printf '  default_backend b\nbackend b\n  balance roundrobin\n'
    k=0
    while read -r address; do echo "  server s$((++k)) $address"; done <<<"$list"
  } >"$dir/haproxy$n.cfg"
  run "haproxy$n" haproxy -f "$dir/haproxy$n.cfg"
  nginx_conf "nginx$n" "upstream u { $(while read -r a; do echo "server $a;"; done <<<"$list")
    keepalive 512; keepalive_requests 1000000000; }
  server { listen 127.0.0.1:${ports[base + 3]} backlog=4096;
    location / { proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection '';
      proxy_set_header Host \$http_host; proxy_set_header X-Forwarded-For \$remote_addr; } }"
  run "nginx$n" nginx -c "$dir/nginx$n.conf"
done

serves() { curl -fsS --max-time 2 -o /dev/null "http://127.0.0.1:$1/small"; }
for i in 1 2 3 5 6 7; do await 20 "all proxies serve" serves "${ports[i]}"; done

# The process that does the work: nginx's is a child.
worker() { local pid; pid=$(cat "$dir/$1.pid"); case $1 in nginx*) pgrep -P "$pid" ;; *) echo "$pid" ;; esac; }
ticks() { awk '{print $14 + $15}' "/proc/$1/stat"; }
ms() { awk '{v = $1; if (v ~ /us$/) f = 0.001; else if (v ~ /ms$/) f = 1; else f = 1000; printf "%.2f", (v + 0) * f}' <<<"$1"; }

measure() { # NAME PORT PATH CONNECTIONS
  local pid before out
  pid=$(worker "$1")
  before=$(ticks "$pid")
  out=$(wrk -t1 -c"$4" -d"${seconds}s" --latency "http://127.0.0.1:$2$3")
  awk -v t="$(($(ticks "$pid") - before))" -v hz="$(getconf CLK_TCK)" \
    -v p50="$(ms "$(awk '$1 == "50%" {print $2}' <<<"$out")")" \
    -v p99="$(ms "$(awk '$1 == "99%" {print $2}' <<<"$out")")" '
    /requests in/ {n = $1} /^Requests\/sec/ {rate = $2} /Non-2xx/ {bad = $NF}
    END {printf "%.0f %s %s %.1f %d\n", rate, p50, p99, t * 1e6 / hz / n, bad}' <<<"$out"
}

middle() { sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
row() { # NAME PORT PATH CONNECTIONS REPLICAS FILE: the medians of three turns
  local field line="| $4 | $5 | ${3#/} | ${1%?} |"
  for field in 1 2 3 4; do line+=" $(cut -d' ' -f$field "$6" | middle) |"; done
  [ "$(cut -d' ' -f5 "$6" | sort -n | tail -n 1)" = 0 ] || line+=" some replies were not 200"
  echo "$line"
}

section() {
  local n path connections turn name i
  echo "Written by \`bench/ingress.sh $seconds\`: $(haproxy -v | head -n 1 | cut -d' ' -f1-3), $(nginx -v 2>&1 | cut -d' ' -f3)."
  echo "One thread each, kept connections on both sides; replicas (nginx), wrk and proxy share the machine."
  echo "Medians of three turns of $seconds s, the proxies one after the other in each turn."
  echo
  machine
  echo
  echo "| connections | replicas | reply | proxy | requests/s | p50, ms | p99, ms | CPU per request, us |"
  echo "|---:|---:|---|---|---:|---:|---:|---:|"
  for n in 1 4; do
    for path in /small /16k; do
      for connections in 1 32 256; do
        rm -f "$dir"/turn-*
        for turn in 1 2 3; do
          i=$((n == 1 ? 1 : 5))
          for name in cube haproxy nginx; do
            measure "$name$n" "${ports[i]}" "$path" "$connections" >>"$dir/turn-$name"
            i=$((i + 1))
          done
        done
        i=$((n == 1 ? 1 : 5))
        for name in cube haproxy nginx; do
          row "$name$n" "${ports[i]}" "$path" "$connections" "$n" "$dir/turn-$name"
          i=$((i + 1))
        done
      done
    done
  done
  echo
  echo "From a change of the replicas in the manager until requests go to the new one, and to no other"
  echo "(200 changes):"
  echo
  echo "| p50, ms | p99, ms | most, ms |"
  echo "|---:|---:|---:|"
  "$build/bench/ingress_bench" --port "${ports[8]}" --effect "127.0.0.1:${ports[9]}"
  echo
  echo "Resident after all this: $(awk '/VmRSS/ {printf "%.1f MB", $2 / 1024}' "/proc/$(worker cube1)/status") \
(HAProxy $(awk '/VmRSS/ {printf "%.1f MB", $2 / 1024}' "/proc/$(worker haproxy1)/status"))."
}

# Not within the section, which is a process of its own: nobody would end it.
run effect_ingress "$build/cube" ingress -m "127.0.0.1:${ports[8]}" --port "${ports[9]}" --metrics-port 0
section | tee "$dir/section"
put_section Ingress "$dir/section"
