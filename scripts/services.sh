#!/usr/bin/env bash
# Private Postgres and RabbitMQ of one checkout: own ports, data, passwords and node name, on loopback only.
# Never touches the servers of the system. `scripts/services.sh help` says how to call it.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/services/install.sh"
. "$here/services/postgres.sh"
. "$here/services/rabbitmq.sh"

usage() {
  cat <<'TEXT'
usage: scripts/services.sh COMMAND [--dir DIR] [--port-base N] [--only postgres|rabbitmq|both]

  up                 start what is not running, wait until it is ready, write DIR/services.env
  down               stop exactly these servers; data and passwords stay
  status             say what runs where
  wipe               down, then delete data and passwords
  stop-rabbit        stop RabbitMQ in order          start-rabbit       start it again, wait until ready
  kill-rabbit        kill -9 RabbitMQ                restart-rabbit     stop, then start
  stop-postgres      stop Postgres in order          start-postgres     start it again, wait until ready
  kill-postgres      kill -9 Postgres                restart-postgres   stop, then start
  rabbitmqctl ARGS   run rabbitmqctl against this node (flags for this script go before the command)

DIR is <checkout>/.run and N is $PORT_BASE or 8000 unless given. Ports: Postgres N+432, AMQP N+672, RabbitMQ management
N+673, Erlang distribution N+674 and its port mapper N+675. Without --dir, a DATABASE_URL or AMQP_URL in the environment
means that server is yours: no private one is started for it. POSTGRES_SHARED_BUFFERS (256MB) is how much Postgres keeps in
memory; a measure of a large installation wants a quarter of the machine's.
TEXT
}

say() { printf 'services: %s\n' "$*"; }
die() { printf 'services: %s\n' "$*" >&2; exit 1; }
random_hex() { head -c "$1" /dev/urandom | od -An -tx1 | tr -d ' \n'; }
# True when something listens there on loopback.
listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Polls a command until it succeeds; $1 seconds at most.
wait_for() {
  local deadline=$((SECONDS + $1)); shift
  until "$@"; do
    [ $SECONDS -lt "$deadline" ] || return 1
    sleep 0.1
  done
}

# A port we are about to use must be free: otherwise name it and stop.
need_free_port() {
  listening "$1" || return 0
  die "port $1 ($2) is taken by another program. Stop that program, or choose other ports, e.g. PORT_BASE=$((port_base + 1000)) make services."
}

# Passwords and the Erlang cookie, made once.
load_secrets() {
  if [ ! -s "$dir/secrets.env" ]; then
    (umask 077 && printf 'PG_PASSWORD=%s\nRABBIT_PASSWORD=%s\nERLANG_COOKIE=%s\n' \
      "$(random_hex 18)" "$(random_hex 18)" "$(random_hex 18)" > "$dir/secrets.env.new")
    mv "$dir/secrets.env.new" "$dir/secrets.env"
  fi
  . "$dir/secrets.env"
}

# What tests and `postrider` read: only servers that are ours (also those that an earlier call started).
write_env() {
  (
    umask 077
    {
      echo "# Written by scripts/services.sh: administrators of the private servers of this checkout."
      echo "PORT_BASE=$port_base"
      if own_postgres || postgres_running; then echo "DATABASE_URL=postgres://postrider:$PG_PASSWORD@127.0.0.1:$pg_port/postrider"; fi
      if own_rabbit || rabbit_running; then
        echo "AMQP_URL=amqp://postrider:$RABBIT_PASSWORD@127.0.0.1:$amqp_port/%2f"
        echo "RABBITMQ_MANAGEMENT_URL=http://postrider:$RABBIT_PASSWORD@127.0.0.1:$management_port"
      fi
    } > "$dir/services.env.new"
  )
  mv "$dir/services.env.new" "$dir/services.env"
}

own_postgres() { [ "$only" != rabbitmq ] && { [ "$explicit_dir" = yes ] || [ -z "${DATABASE_URL:-}" ]; }; }
own_rabbit() { [ "$only" != postgres ] && { [ "$explicit_dir" = yes ] || [ -z "${AMQP_URL:-}" ]; }; }

up() {
  [ "$only" != both ] || own_postgres || say "DATABASE_URL is set: no private Postgres"
  [ "$only" != both ] || own_rabbit || say "AMQP_URL is set: no private RabbitMQ"
  install_missing
  echo "$port_base" > "$dir/port-base"
  local failed=0 rabbit_job=
  if own_rabbit; then rabbit_start & rabbit_job=$!; fi
  if own_postgres; then (postgres_start) || failed=1; fi
  if [ -n "$rabbit_job" ]; then wait "$rabbit_job" || failed=1; fi
  [ $failed = 0 ] || exit 1
  # Not before they run: on a port that was taken it would name somebody else's server.
  write_env
  status
}

down() {
  rabbit_stop & local job=$!
  postgres_stop
  wait "$job"
}

# Closes all but standard input and output in this (sub)shell: a daemon that inherits a file of whoever called this script
# keeps it open for ever, a lock among them. 255 is the script itself and closes by itself.
close_others() {
  local open
  for open in /proc/"$BASHPID"/fd/*; do
    open=${open##*/}
    case $open in 0 | 1 | 2 | 255) ;; *) eval "exec $open>&-" 2> /dev/null || true ;; esac
  done
}

# Runs a command so.
alone() (
  close_others
  exec "$@"
)

status() {
  if postgres_running; then say "Postgres runs on 127.0.0.1:$pg_port"; else say "Postgres is down"; fi
  if rabbit_running; then
    say "RabbitMQ runs on 127.0.0.1:$amqp_port, management http://127.0.0.1:$management_port"
  else say "RabbitMQ is down"; fi
  say "passwords and URLs: $dir/services.env"
}

wipe() {
  down
  rm -rf -- "$(readlink -f "$dir/postgres" 2>/dev/null || echo "$dir/postgres")" "$dir/postgres" "$dir/rabbitmq"
  rm -f -- "$dir/services.env" "$dir/secrets.env" "$dir/port-base"
}

command=
dir= port_base= explicit_dir=no only=both
while [ $# -gt 0 ]; do
  case $1 in
    --dir) dir=${2:?--dir needs a directory}; explicit_dir=yes; shift 2 ;;
    --only) only=${2:?--only needs postgres, rabbitmq or both}; shift 2 ;;
    --port-base) port_base=${2:?--port-base needs a number}; shift 2 ;;
    *) if [ -n "$command" ]; then die "unknown argument '$1'; see scripts/services.sh help"; fi
       command=$1; shift
       if [ "$command" = rabbitmqctl ]; then break; fi ;;
  esac
done
[ -n "$command" ] || { usage >&2; exit 2; }
case $command in help | -h | --help) usage; exit 0 ;; esac

: "${dir:=$(dirname "$here")/.run}"
mkdir -p "$dir"
dir=$(cd "$dir" && pwd -P)
running_base=$(cat "$dir/port-base" 2>/dev/null || true)
if [ "$command" != up ] || [ -z "${port_base:-${PORT_BASE:-}}" ]; then
  port_base=${running_base:-${port_base:-${PORT_BASE:-8000}}}
fi
port_base=${port_base:-$PORT_BASE}
case $port_base in *[!0-9]* | '') die "PORT_BASE must be a number, not '$port_base'" ;; esac
[ "$port_base" -ge 1024 ] && [ "$port_base" -le 64000 ] || die "PORT_BASE must lie between 1024 and 64000, not $port_base"
set_ports() {
  pg_port=$((port_base + 432)) amqp_port=$((port_base + 672)) management_port=$((port_base + 673))
  dist_port=$((port_base + 674)) epmd_port=$((port_base + 675))
  node=postrider-$(printf '%s:%s' "$dir" "$port_base" | sha256sum | cut -c1-8)@localhost
}
set_ports

# One command at a time for one directory; the servers themselves inherit neither this lock nor any of the caller's
# (see alone).
exec 9> "$dir/lock"
flock -w 120 9 || die "another scripts/services.sh works on $dir"
load_secrets
if [ "$command" = up ] && [ -n "$running_base" ] && [ "$running_base" != "$port_base" ]; then
  wanted=$port_base port_base=$running_base; set_ports
  if postgres_running || rabbit_running; then
    die "the servers of $dir already run with PORT_BASE=$running_base; stop them first (make services-down)"
  fi
  port_base=$wanted; set_ports
fi

case $command in
  up | down | status | wipe) "$command" ;;
  stop-rabbit) rabbit_stop ;;
  start-rabbit) rabbit_start ;;
  kill-rabbit) rabbit_kill ;;
  restart-rabbit) rabbit_stop; rabbit_start ;;
  stop-postgres) postgres_stop ;;
  start-postgres) postgres_start ;;
  kill-postgres) postgres_kill ;;
  restart-postgres) postgres_stop; postgres_start ;;
  rabbitmqctl) flock -u 9; rabbit_ctl "$@" ;;
  *) usage >&2; exit 2 ;;
esac
