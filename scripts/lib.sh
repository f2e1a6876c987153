# Shared by the scripts: saying what is done, and doing it once. Sourced, not run.

set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '==> %s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# as_root COMMAND...: directly, or through sudo.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else
    command -v sudo >/dev/null || die "'$*' needs root: run this as root, or install sudo"
    sudo "$@"
  fi
}

build_packages="g++ cmake ninja-build ccache libboost1.81-dev libcpp-httplib-dev nlohmann-json3-dev \
libcli11-dev liblmdb-dev libfmt-dev doctest-dev libssl-dev libyaml-cpp-dev"
example_packages="curl jq procps"
test_packages="bats curl jq procps busybox-static iproute2 iptables e2fsprogs libhttp-parser-dev spin"
# clang 14 and 15 do not know std::source_location as gcc 12 has it.
fuzz_packages="clang-16 libclang-rt-16-dev libhttp-parser-dev"

# install_packages PACKAGE...: those that are missing, through apt.
install_packages() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  if [ ${#missing[@]} = 0 ]; then say "packages: all $# are there"; return; fi
  say "packages: installing ${missing[*]}"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    "${missing[@]}" >/dev/null
}

engine_socket() {
  case "${DOCKER_HOST:-}" in
    unix://*) printf '%s' "${DOCKER_HOST#unix://}" ;;
    *) printf '/var/run/docker.sock' ;;
  esac
}
engine_answers() {
  curl -fsS --max-time 5 --unix-socket "$(engine_socket)" http://docker/_ping >/dev/null 2>&1
}

# start_dockerd: without a service manager. A pid file left by a killed engine, whose number another
# process has by now, would keep it from starting.
start_dockerd() {
  local file name pid
  for file in /var/run/docker.pid:dockerd /var/run/docker/containerd/containerd.pid:containerd; do
    name=${file#*:} file=${file%:*}
    pid=$(cat "$file" 2>/dev/null || true)
    [ -z "$pid" ] || [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$name" ] || as_root rm -f "$file"
  done
  as_root sh -c 'setsid nohup dockerd >>/var/log/dockerd.log 2>&1 </dev/null &'
}

# A Docker engine that answers: the one that runs, else installed and started.
ensure_engine() {
  if engine_answers; then say "engine: answers at $(engine_socket)"; return; fi
  [ -z "${DOCKER_HOST:-}" ] || die "no engine answers at DOCKER_HOST=$DOCKER_HOST"
  command -v dockerd >/dev/null || install_packages docker.io iptables
  if [ -d /run/systemd/system ]; then
    say "engine: starting the docker service"
    as_root systemctl enable --now docker
  else
    say "engine: starting dockerd (no systemd here); its log is /var/log/dockerd.log"
    start_dockerd
  fi
  local tries
  for tries in $(seq 1 120); do
    if engine_answers; then say "engine: answers at $(engine_socket)"; return; fi
    sleep 0.5
    # Killed engines leave things behind on which a first start can fail.
    if [ ! -d /run/systemd/system ] && [ $((tries % 10)) = 0 ] && ! pgrep -x dockerd >/dev/null; then
      start_dockerd
    fi
  done
  die "the Docker engine was started but does not answer after $((tries / 2)) s; see \
/var/log/dockerd.log or 'journalctl -u docker'"
}

# build PRESET [TARGET...]
build() {
  local preset=$1
  shift
  say "build ($preset): cmake --preset $preset && ninja -C build/$preset $*"
  (cd "$root" && cmake --preset "$preset" >/dev/null && ninja -C "build/$preset" "$@")
}
