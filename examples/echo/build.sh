#!/bin/sh
# Builds the example's image, `timboring/echo-server:latest` and `echo:latest`, without any registry:
# one static program on nothing. Quick when nothing has changed; `-f` builds in any case.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
image=timboring/echo-server:latest
alias=echo:latest
hash=$(cat "$here/main.cc" "$here/Dockerfile" "$here/build.sh" | sha256sum | cut -c1-32)

if [ "${1:-}" != -f ]; then
  have=$(docker image inspect -f '{{index .Config.Labels "source.hash"}}' $image 2>/dev/null || true)
  if [ "$have" = "$hash" ]; then
    docker tag $image $alias
    echo "echo image: up to date"
    exit 0
  fi
fi

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"${CXX:-g++}" -std=c++20 -O2 -static -s -Wall -Wextra -o "$dir/echo" "$here/main.cc"
cp "$here/Dockerfile" "$dir/"
if ! DOCKER_BUILDKIT=0 docker build -q --label source.hash="$hash" -t $image "$dir" >"$dir/log" 2>&1; then
  # No working builder: a file system of one file, with the same settings, does as well.
  tar -C "$dir" -cf - echo | docker import --change 'ENTRYPOINT ["/echo"]' \
    --change 'EXPOSE 7777/tcp' --change "LABEL source.hash=$hash" - $image >/dev/null
fi
docker tag $image $alias
echo "echo image: built $image and $alias"
