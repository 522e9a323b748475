#!/usr/bin/env bash
# Holds the workspace's shape: who may depend on whom, who may name which library, how long a file may be, and that
# every schema starts from the same base migration. Reads the manifests itself: needs bash and awk only.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
failed=0
fail() { printf 'structure: %s\n' "$*" >&2; failed=1; }

# The direction: a crate may depend on crates of a lower rank. Test and operator crates stand above all.
rank() {
  case ${1#postrider-} in
    features) echo -1 ;;
    domain) echo 0 ;; contracts) echo 1 ;; runtime) echo 2 ;;
    http | storage | broker) echo 3 ;;
    google-auth | gmail | mail | web) echo 4 ;;
    events) echo 5 ;;
    testing | gmail-sim) echo 6 ;;
    gateway | ingest-webhook | connector | sync-worker | notification) echo 7 ;;
    cli | xtask) echo 9 ;;
    e2e) echo 10 ;; bench) echo 11 ;;
    *) echo none ;;
  esac
}

# Which packages may name an outside library. Services may name diesel and actix-web, but only in certain folders.
services="gateway ingest-webhook connector sync-worker notification"
may_name() {
  case $1 in
    lapin) echo "broker bench" ;;
    diesel) echo "domain storage events testing bench e2e $services" ;;
    diesel-async | tokio-postgres) echo "storage testing bench e2e xtask" ;;
    diesel_migrations) echo "storage events testing e2e $services" ;;
    google-gmail1 | google-apis-common) echo gmail ;;
    jsonwebtoken) echo "http web google-auth gmail-sim testing cli e2e" ;;
    socketioxide) echo notification ;;
    actix-web | actix-http | actix-service) echo "web events gmail-sim bench $services" ;;
    *) echo any ;;
  esac
}

# Lines "kind dependency" of a manifest; kind is dependencies, dev-dependencies or build-dependencies.
dependencies() {
  awk '/^\[/ { kind = ""; if (match($0, /^\[(dev-|build-)?dependencies/)) { kind = $0; gsub(/[][]/, "", kind)
                 if (split(kind, part, ".") > 1) { print part[1], part[2]; kind = "" } } next }
       kind != "" && /^[A-Za-z0-9_-]+/ { name = $0; sub(/[.= ].*/, "", name); print kind, name }' "$1"
}

for manifest in crates/*/Cargo.toml services/*/Cargo.toml; do
  package=$(awk -F'"' '/^name = / { print $2; exit }' "$manifest")
  case $package in postrider-*) ;; *) fail "$manifest: package $package must be named postrider-…" ;; esac
  own=$(rank "$package")
  if [ "$own" = none ]; then fail "$manifest: package $package has no place in the direction (scripts/check-structure.sh)"; continue; fi
  while read -r kind name; do
    theirs=none
    case $name in postrider-*) theirs=$(rank "$name") ;; esac
    if [ "$theirs" != none ]; then
      # Tests may use the test crates and what tests need, but no other service.
      limit=$own
      if [ "$kind" = dev-dependencies ] && [ "$own" -le 7 ]; then limit=7; fi
      if [ "$theirs" -ge "$limit" ]; then fail "$manifest: $package must not depend on $name ($kind)"; fi
    fi
    allowed=$(may_name "$name")
    # Tests forge tokens.
    if [ "$kind $name" = "dev-dependencies jsonwebtoken" ]; then allowed=any; fi
    case " $allowed " in
      *" any "* | *" ${package#postrider-} "*) ;;
      *) fail "$manifest: only $allowed may name $name, not $package" ;;
    esac
  done < <(dependencies "$manifest")
done

# Inside services: diesel only where the SQL is, actix-web only where the HTTP is (a gateway is all HTTP).
while read -r file; do
  case $file in */store/* | */store.rs | */tests/*) ;; *) fail "$file names diesel outside store/" ;; esac
done < <(grep -rlE '\bdiesel(_async|_migrations)?::' services --include='*.rs' || true)
while read -r file; do
  case $file in
    services/gateway/* | */http/* | */http.rs | */browser/* | */error.rs | */app.rs | */tests/*) ;;
    *) fail "$file names actix-web outside http/" ;;
  esac
done < <(grep -rlE '\bactix_(web|http|service)::' services --include='*.rs' || true)

while read -r lines file; do
  [ "$file" != total ] || continue
  if [ "$lines" -gt 500 ]; then fail "$file has $lines lines (at most 500): split it"
  elif [ "$lines" -gt 300 ]; then printf 'structure: warning: %s has %s lines\n' "$file" "$lines"; fi
done < <(git ls-files -co --exclude-standard -- '*.rs' '*.sh' ':!crates/contracts/src/gen' | while read -r file; do
           if [ -f "$file" ]; then printf '%s %s\n' "$(wc -l < "$file")" "$file"; fi; done)

for part in up down; do
  sums=$(cat /dev/null; for file in migrations/*/00000000000001_base/$part.sql; do
           if [ -f "$file" ]; then sha256sum < "$file"; fi; done | sort -u | wc -l)
  if [ "$sums" -gt 1 ]; then fail "migrations/*/00000000000001_base/$part.sql differ: one text for all schemas"; fi
done

# A reader has only this repository: no reference to documents that are not in it.
while read -r line; do fail "names a document that is not here: $line"; done \
  < <(git grep -nE '(design|api|style|mission)(\.md)? ?§|(gmail|notify)-facts|edge-cases' -- ':!scripts/check-structure.sh' || true)

# An example in a comment would be a test that nothing runs (nextest runs no doctests): write a test, show text.
while read -r line; do fail "a code example nobody compiles: $line"; done \
  < <(git ls-files -co --exclude-standard -- '*.rs' | while read -r file; do if [ -f "$file" ]; then echo "$file"; fi; done |
      xargs awk '/^ *\/\/[\/!] ```/ { open[FILENAME] = !open[FILENAME]; if (open[FILENAME] && !/```text/) print FILENAME ":" FNR }')

# Every setting is read by some program, or says that it is not yet. Listeners and URLs are composed of names.
awk '/^# / { if (/Not read yet/) later = 1; next } /^#[A-Z]/ { name = substr($0, 2); sub(/=.*/, "", name)
     if (!later && name !~ /_(ADDR|URL)$/) print name } { later = 0 }' .env.example | while read -r name; do
  git grep -qF "\"$name\"" -- 'crates/*/src/*.rs' 'services/*/src/*.rs' || echo "$name"
done | { while read -r name; do fail ".env.example: nothing reads $name"; done; exit $failed; } || failed=1

[ $failed = 0 ] && echo "structure: as it should be"
exit $failed
