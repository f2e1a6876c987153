#!/bin/sh
# Builds the test image `cube-test/busybox`: Debian's static busybox on nothing, with its commands
# (sh, sleep, true, ...) as links. No registry; quick when the image is already there.
set -eu
image=cube-test/busybox:latest
busybox=${BUSYBOX:-$(command -v busybox || true)}
if [ -z "$busybox" ]; then
  echo "busybox is missing: installing Debian's busybox-static"
  sudo=""
  [ "$(id -u)" = 0 ] || sudo=sudo
  $sudo apt-get install -y -qq busybox-static >/dev/null ||
    { $sudo apt-get update -qq && $sudo apt-get install -y -qq busybox-static >/dev/null; }
  busybox=$(command -v busybox)
fi
hash=$(cat "$busybox" "$0" | sha256sum | cut -c1-32)
have=$(docker image inspect -f '{{index .Config.Labels "source.hash"}}' $image 2>/dev/null || true)
if [ "$have" = "$hash" ]; then
  echo "test image: up to date"
  exit 0
fi

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/root/bin" "$dir/root/tmp" "$dir/root/etc"
chmod 1777 "$dir/root/tmp"
cp "$busybox" "$dir/root/bin/busybox"
echo 'root:x:0:0:root:/:/bin/sh' >"$dir/root/etc/passwd"
echo 'root:x:0:' >"$dir/root/etc/group"
for command in $("$busybox" --list); do
  [ "$command" = busybox ] || ln -s busybox "$dir/root/bin/$command"
done
tar -C "$dir/root" -cf - . | docker import --change 'CMD ["/bin/sh"]' \
  --change 'ENV PATH=/bin' --change "LABEL source.hash=$hash" - $image >/dev/null
echo "test image: built $image"
