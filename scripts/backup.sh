#!/usr/bin/env bash
# Backs up the database of an installation, and brings it back into an empty one. docs/operations.md says what belongs to it.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: scripts/backup.sh make FILE       write all of the database to FILE (mode 600; what runs goes on)
       scripts/backup.sh restore FILE    bring it back into the database of DATABASE_URL, which must be empty

The database is that of DATABASE_URL, or DATABASE_URL_FILE, else this checkout's private server, in the role of a superuser: row-level
security hides the tables from everybody else. POSTRIDER names the program that migrates (`postrider`, else that of target/).
The keys that secrets in it are sealed with are not in FILE. Keep them too, elsewhere: .run/stack.env, or secrets/.
TEXT
}

say() { printf 'backup: %s\n' "$*"; }
die() { printf 'backup: %s\n' "$*" >&2; exit 1; }

case ${1:-} in
  make | restore) what=$1 ;;
  help | -h | --help) usage; exit 0 ;;
  *) usage >&2; exit 2 ;;
esac
[ $# = 2 ] || { usage >&2; exit 2; }
file=$2
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

if [ -z "${DATABASE_URL:-}" ] && [ -n "${DATABASE_URL_FILE:-}" ]; then
  DATABASE_URL=$(cat "$DATABASE_URL_FILE")
elif [ -z "${DATABASE_URL:-}" ] && [ -f "$checkout/.run/services.env" ]; then
  DATABASE_URL=$(sed -n 's/^DATABASE_URL=//p' "$checkout/.run/services.env")
fi
case ${DATABASE_URL:-} in
  postgres://?*/?* | postgresql://?*/?*) ;;
  "") die "DATABASE_URL is not set and no private server is known: set it to the administrator's URL" ;;
  *) die "DATABASE_URL is not postgres://user:password@host:port/database" ;;
esac

# The password goes by the environment: everybody on the machine sees arguments.
rest=${DATABASE_URL#*://}
authority=${rest%%/*}
case $authority in
  *:*@*)
    secret=${authority%@*}; secret=${secret#*:}
    encoded=${secret//\\/\\\\}
    PGPASSWORD=$(printf '%b' "${encoded//%/\\x}")
    export PGPASSWORD
    url=${DATABASE_URL/":$secret@"/@} ;;
  *) url=$DATABASE_URL ;;
esac
path=${rest#*/}
database=${path%%\?*}
export PGCONNECT_TIMEOUT=10
query() { psql -X -v ON_ERROR_STOP=1 -v "database=$database" -qtA -d "$1"; }

make() {
  [ ! -e "$file" ] || die "$file is there already: name another one"
  umask 077
  # Half a backup has another name.
  trap 'rm -f -- "$file.new"' EXIT
  pg_dump -Fc -d "$url" -f "$file.new"
  mv -- "$file.new" "$file"
  say "$file holds the database ($(du -h -- "$file" | cut -f1)). The keys of ENCRYPTION_KEYS and NOTIFICATION_ENCRYPTION_KEYS are not in it:"
  say "keep .run/stack.env or secrets/ too, elsewhere. Without them every account must be connected again."
}

restore() {
  [ -s "$file" ] || die "there is no $file"
  pg_restore -l -- "$file" > /dev/null || die "$file is no backup of this script"
  local postrider=${POSTRIDER:-} found there tables server="${url%"$path"}postgres${path#"$database"}"
  for found in "$(command -v postrider || true)" "$checkout/target/release/postrider" "$checkout/target/debug/postrider"; do
    [ -n "$postrider" ] || [ ! -x "$found" ] || postrider=$found
  done
  [ -n "$postrider" ] || die "there is no program that migrates: build it (make programs), or name it in POSTRIDER"
  there=$(query "$server" <<< "SELECT count(*) FROM pg_database WHERE datname = :'database'")
  if [ "$there" = 1 ]; then
    tables=$(query "$url" <<< "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast'")
    [ "$tables" = 0 ] || die "the database $database is not empty: restore into a new one"
  else
    query "$server" <<< 'CREATE DATABASE :"database"'
  fi
  say "making the services' roles"
  export DATABASE_URL
  "$postrider" migrate > /dev/null
  # What was made with them makes room: the backup has all of it, in the version it was made by.
  query "$server" <<< 'DROP DATABASE :"database"'
  query "$server" <<< 'CREATE DATABASE :"database"'
  say "restoring $file"
  pg_restore --single-transaction -d "$url" -- "$file"
  query "$url" <<< ANALYZE
  say "running what migrations are pending"
  "$postrider" migrate > /dev/null
  say "done. Start the services with the keys that belong to it; what Google did since the backup comes by itself"
}

"$what"
