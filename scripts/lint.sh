#!/usr/bin/env bash
# `make lint`: everything that needs no server.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cargo fmt --all --check
scripts/check-structure.sh
cargo clippy --workspace --all-targets --locked -- -D warnings
if command -v cargo-deny > /dev/null; then
  cargo deny check bans licenses sources
else
  echo "lint: cargo-deny is not installed (cargo install cargo-deny --locked): licences and bans are not checked"
fi
