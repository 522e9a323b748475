#!/usr/bin/env bash
# `make test`: all tests, against real Postgres and RabbitMQ.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The tests' own servers, also where the environment names servers for the product.
env -u DATABASE_URL -u AMQP_URL scripts/services.sh up
scripts/check-structure.sh
# What reads docker-compose.yml and deploy/ in the tests.
scripts/deploy-tools.sh
# All at once, and never one package alone: cargo would resolve other features and compile the libraries again.
cargo build --workspace --bins --tests --locked
# What compiles here would compile in `make run` as well, for minutes and without a word (docs/adr/0013).
for what in "--bins" "--bin postrider" "--bin xtask"; do
  # shellcheck disable=SC2086 # two words
  again=$(cargo build --locked $what 2>&1 | grep -E '^ *Compiling' || true)
  [ -z "$again" ] || { printf 'test: cargo build %s compiles anew:\n%s\n' "$what" "$again" >&2; exit 1; }
done
cargo run -q --locked --bin xtask -- proto --check
if [ -f crates/e2e/js/package.json ]; then
  command -v npm > /dev/null || { echo "test: the Socket.IO client tests need Node.js 18 or newer with npm" >&2; exit 1; }
  (cd crates/e2e/js && npm ci --no-audit --no-fund --loglevel=error)
fi
# The programs in examples/ run in the tests as a user runs them.
scripts/example-tools.sh
# Whole-stack tests share ports: only nextest knows to run them one after the other (.config/nextest.toml).
if ! command -v cargo-nextest > /dev/null; then
  echo "test: installing cargo-nextest"
  cargo install cargo-nextest --locked
fi
cargo nextest run --workspace --locked "$@"
