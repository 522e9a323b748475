#!/usr/bin/env bash
# Brings what the programs in examples/ need: their npm packages, and a Python environment with theirs under .run/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
environment=$PWD/.run/examples-python

(cd examples/typescript && npm ci --no-audit --no-fund --loglevel=error)

if [ ! -x "$environment/bin/python" ] || ! cmp -s examples/python/requirements.txt "$environment/requirements.txt"; then
  rm -rf "$environment"
  mkdir -p .run
  if ! python3 -m venv "$environment" > /dev/null 2>&1; then
    sudo=
    [ "$(id -u)" = 0 ] || sudo=sudo
    $sudo apt-get -q update > /dev/null
    $sudo env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a \
      apt-get -q -y install --no-install-recommends python3-venv > /dev/null
    echo "example-tools: installed python3-venv"
    rm -rf "$environment"
    python3 -m venv "$environment"
  fi
  "$environment/bin/pip" -q --disable-pip-version-check install -r examples/python/requirements.txt
  cp examples/python/requirements.txt "$environment/requirements.txt"
fi
