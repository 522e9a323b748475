#!/usr/bin/env bash
# Brings what the check of docker-compose.yml and deploy/ runs: docker-compose, kubectl, promtool. Nothing is started and
# nothing of the system replaced: kubectl and promtool are unpacked into .run/tools where the machine has none.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tools=$PWD/.run/tools/usr/bin
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo

updated=no
update() {
  [ $updated = yes ] || $sudo apt-get -q update > /dev/null
  updated=yes
}

# $1 a program, $2 Debian's package of it: unpacked, not installed, since the package starts a server (prometheus) or
# stands in the way of another package of the same program (kubernetes-client).
unpack() {
  command -v "$1" > /dev/null && return
  [ -x "$tools/$1" ] && return
  update
  local folder
  folder=$(mktemp -d)
  chmod 755 "$folder"
  (cd "$folder" && apt-get -q download "$2" > /dev/null)
  mkdir -p "$tools"
  dpkg-deb --fsys-tarfile "$folder"/*.deb | tar -x -C "$PWD/.run/tools" "./usr/bin/$1"
  rm -rf "$folder"
  echo "deploy-tools: unpacked $1 into .run/tools"
}

# The schema comes with it, and with its libraries the program that checks by it.
if [ ! -f /usr/lib/python3/dist-packages/compose/config/compose_spec.json ]; then
  update
  $sudo env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a \
    apt-get -q -y install --no-install-recommends docker-compose > /dev/null
  echo "deploy-tools: installed docker-compose"
fi
unpack kubectl kubernetes-client
unpack promtool prometheus
