#!/usr/bin/env bash
# Brings what the check of docker-compose.yml and deploy/ runs (docker-compose, kubectl, promtool), and what a test of the
# doctor shows a wrong clock by (libfaketime). Nothing is started and nothing of the system replaced: all but docker-compose
# is unpacked into .run/tools where the machine has none.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo

updated=no
update() {
  [ $updated = yes ] || $sudo apt-get -q update > /dev/null
  updated=yes
}

# $1 Debian's package, $2 what of it, as a path with wildcards: unpacked, not installed, since the package starts a server
# (prometheus) or stands in the way of another package of the same program (kubernetes-client).
unpack() {
  if compgen -G "/$2" > /dev/null || compgen -G "$PWD/.run/tools/$2" > /dev/null; then return; fi
  update
  local folder
  folder=$(mktemp -d)
  chmod 755 "$folder"
  (cd "$folder" && apt-get -q download "$1" > /dev/null)
  mkdir -p .run/tools
  dpkg-deb --fsys-tarfile "$folder"/*.deb | tar -x -C "$PWD/.run/tools" --wildcards "./$2"
  rm -rf "$folder"
  echo "deploy-tools: unpacked $2 of $1 into .run/tools"
}

# The schema comes with it, and with its libraries the program that checks by it.
if [ ! -f /usr/lib/python3/dist-packages/compose/config/compose_spec.json ]; then
  update
  $sudo env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a \
    apt-get -q -y install --no-install-recommends docker-compose > /dev/null
  echo "deploy-tools: installed docker-compose"
fi
unpack kubernetes-client usr/bin/kubectl
unpack prometheus usr/bin/promtool
unpack libfaketime 'usr/lib/*/faketime/libfaketime.so.1'
