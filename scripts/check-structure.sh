#!/usr/bin/env bash
# Holds the workspace's shape: who may depend on whom, who may name which library, how long a file may be, and which
# migrations come first in every schema. Reads the manifests itself: needs bash and awk only.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
failed=0
fail() { printf 'structure: %s\n' "$*" >&2; failed=1; }

# The direction: a crate may depend on crates of a lower rank. Test and operator crates stand above all.
rank() {
  case ${1#postrider-} in
    features) echo -1 ;;
    domain) echo 0 ;; contracts | otlp) echo 1 ;; runtime) echo 2 ;;
    http | storage | broker) echo 3 ;;
    google-auth | gmail | mail | blobs | web) echo 4 ;;
    events) echo 5 ;;
    testing | gmail-sim) echo 6 ;;
    gateway | ingest-webhook | connector | sync-worker | notification) echo 7 ;;
    all-in-one) echo 8 ;; cli | xtask) echo 9 ;;
    e2e | deploy) echo 10 ;; bench) echo 11 ;;
    *) echo none ;;
  esac
}

# Which packages may name an outside library. Services may name diesel and actix-web, but only in certain folders.
services="gateway ingest-webhook connector sync-worker notification"
may_name() {
  case $1 in
    lapin) echo "broker bench" ;;
    diesel) echo "domain storage testing bench e2e $services" ;;
    diesel-async | tokio-postgres) echo "storage testing bench e2e xtask" ;;
    diesel_migrations) echo "storage e2e $services" ;;
    google-gmail1 | google-apis-common) echo gmail ;;
    object_store) echo blobs ;;
    jsonwebtoken) echo "http web google-auth gmail-sim testing cli e2e" ;;
    socketioxide) echo notification ;;
    actix-web | actix-http | actix-service) echo "web events testing gmail-sim bench $services" ;;
    syn | proc-macro2) echo "features storage" ;;
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

while read -r file; do
  case $file in */store/* | */store.rs | */tests/*) ;; *) fail "$file writes SQL outside store/" ;; esac
done < <(grep -rlE '\bsql\(' services --include='*.rs' || true)

# Inside crates: diesel where the SQL is and where words meet SQL.
while read -r file; do
  case $file in
    crates/storage/* | crates/domain/src/sql.rs | crates/domain/src/words.rs | crates/testing/* | crates/bench/* | crates/e2e/*) ;;
    *) fail "$file names diesel outside storage" ;;
  esac
done < <(grep -rlE '\bdiesel(_async|_migrations)?::' crates --include='*.rs' || true)

# States are enums: no comparison of their words. (google-auth reads Google's own words of OAuth.)
words=$(sed -nE 's/^ +[A-Z][A-Za-z]+ = "([a-z_]+)",$/\1/p' crates/domain/src/states.rs | sort -u | paste -sd '|')
while read -r line; do fail "a state as a string: $line"; done \
  < <(grep -rnE "[!=]= \"($words)\"|\"($words)\" (=>|\|)" crates/*/src services/*/src --include='*.rs' |
      grep -vE '^crates/(gmail-sim|google-auth|cli|e2e|bench)/' || true)

# The methods of a type stand in one file, or in the files of the folder that is named after it. Types that share their
# name within a package cannot be told apart from here, so they are left out.
while read -r line; do fail "$line"; done < <(
  { grep -rE '^ *(pub(\([a-z ]+\))? )?(struct|enum) [A-Z][A-Za-z]*' crates/*/src services/*/src --include='*.rs' |
      sed -E 's/^([^:]+):.*(struct|enum) ([A-Za-z]+).*/type \3 \1/'
    grep -rE '^impl(<[^>]*>)? [A-Z][A-Za-z]*(<[^>]*>)? \{' crates/*/src services/*/src --include='*.rs' |
      sed -E 's/^([^:]+):impl(<[^>]*>)? ([A-Za-z]+).*/impl \3 \1/' | sort -u
  } | awk '
    { split($3, part, "/"); key = part[2] " " $2 }
    $1 == "type" { types[key]++; next }
    { stem = $3; sub(/\.rs$/, "", stem)
      files[key] = files[key] " " stem; if (!(key in root) || length(stem) < length(root[key])) root[key] = stem }
    END { for (key in files) { if (types[key] > 1) continue
            count = split(files[key], stems, " "); stray = ""
            for (i = 1; i <= count; i++) if (stems[i] != root[key] && index(stems[i], root[key] "/") != 1) stray = stray " " stems[i] ".rs"
            if (stray) print "methods of " key " outside " root[key] ".rs and its folder:" stray } }')

while read -r lines file; do
  [ "$file" != total ] || continue
  if [ "$lines" -gt 500 ]; then fail "$file has $lines lines (at most 500): split it"
  elif [ "$lines" -gt 300 ]; then printf 'structure: warning: %s has %s lines\n' "$file" "$lines"; fi
done < <(git ls-files -co --exclude-standard -- '*.rs' '*.sh' ':!crates/contracts/src/gen' | while read -r file; do
           if [ -f "$file" ]; then printf '%s %s\n' "$(wc -l < "$file")" "$file"; fi; done)

# Versions up to 9 are the base's: every schema runs both, in one order.
while read -r folder; do fail "$folder: versions below 10 belong to migrations/base"; done \
  < <(find migrations -mindepth 2 -maxdepth 2 -type d -name '0000000000000[0-9]_*' ! -path 'migrations/base/*')

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
