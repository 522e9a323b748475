# The private Postgres. Sourced by ../services.sh, which sets dir, pg_port and PG_PASSWORD.

# Postgres refuses to run as root: then it runs as the user the Debian package made for it.
pg_user=postgres
as_pg() {
  if [ "$(id -u)" = 0 ]; then alone runuser -u "$pg_user" -- "$@"; else alone "$@"; fi
}

# Where the data really is: the unprivileged user may not be able to follow the link (see postgres_room).
pg_home() { readlink -f "$dir/postgres"; }

postgres_running() {
  find_postgres && [ -s "$dir/postgres/data/postmaster.pid" ] &&
    as_pg "$pg_bin/pg_ctl" -D "$(pg_home)/data" status > /dev/null 2>&1
}

# Makes $dir/postgres. As root it must be reachable by the unprivileged user; where a directory above forbids that
# (a checkout in /root), the data lives under /var/lib and a link stands in its place. No foreign mode is changed.
postgres_room() {
  [ ! -d "$dir/postgres" ] || return 0
  if [ "$(id -u)" != 0 ]; then mkdir -m 700 "$dir/postgres"; return; fi
  getent passwd "$pg_user" > /dev/null || useradd --system --no-create-home --shell /usr/sbin/nologin "$pg_user"
  chmod a+x "$dir"
  local room=$dir/postgres
  if ! runuser -u "$pg_user" -- test -x "$dir"; then
    room=/var/lib/postrider-dev/${node%@*}
    install -d -m 711 /var/lib/postrider-dev
    ln -sfn "$room" "$dir/postgres"
    say "$pg_user may not enter $dir: the data lives in $room"
  fi
  install -d -m 700 -o "$pg_user" -g "$(id -gn "$pg_user")" "$room"
}

postgres_init() {
  [ ! -s "$dir/postgres/data/PG_VERSION" ] || return 0
  local home ok=0
  home=$(pg_home)
  say "creating the Postgres data in $home"
  # Half-made data of an interrupted initdb is of no use to anybody.
  as_pg rm -rf "$home/data"
  printf '%s\n' "$PG_PASSWORD" | as_pg sh -c "umask 077; cat > '$home/pw'"
  as_pg "$pg_bin/initdb" -D "$home/data" -U postrider --pwfile="$home/pw" --auth=scram-sha-256 \
    --encoding=UTF8 --locale=C.UTF-8 --no-sync > "$dir/initdb.log" 2>&1 || ok=1
  as_pg rm -f "$home/pw"
  [ $ok = 0 ] || die "initdb failed: see $dir/initdb.log"
}

postgres_start() {
  find_postgres || die "Postgres is not installed: run scripts/services.sh up"
  if postgres_running; then return 0; fi
  need_free_port "$pg_port" Postgres
  postgres_room
  postgres_init
  local settings="-c port=$pg_port -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=400"
  settings+=" -c shared_buffers=${POSTGRES_SHARED_BUFFERS:-256MB} -c max_wal_size=2GB -c checkpoint_timeout=15min -c log_min_duration_statement=2000"
  settings+=" -c log_line_prefix='%m [%p] %u@%d ' -c password_encryption=scram-sha-256"
  # A search asks for a megabyte and gives it back: kept, it is not made ready anew each time.
  MALLOC_MMAP_THRESHOLD_=268435456 MALLOC_TRIM_THRESHOLD_=268435456 \
    as_pg "$pg_bin/pg_ctl" -D "$(pg_home)/data" -l "$(pg_home)/server.log" -w -t 60 -o "$settings" start \
    > /dev/null < /dev/null || die "Postgres did not start: see $dir/postgres/server.log"
  postgres_database
}

# The database administrators connect to; services make their own schemas in it, tests their own databases beside it.
postgres_database() {
  local psql=("$pg_bin/psql" -h 127.0.0.1 -p "$pg_port" -U postrider -d postgres -v ON_ERROR_STOP=1 -qtA)
  local there
  there=$(PGPASSWORD=$PG_PASSWORD "${psql[@]}" -c "SELECT 1 FROM pg_database WHERE datname = 'postrider'" 9>&-) ||
    die "Postgres on port $pg_port refuses the password in $dir/secrets.env"
  [ "$there" = 1 ] || PGPASSWORD=$PG_PASSWORD "${psql[@]}" -c 'CREATE DATABASE postrider' 9>&-
}

postgres_stop() {
  postgres_running || return 0
  as_pg "$pg_bin/pg_ctl" -D "$(pg_home)/data" -m fast -w -t 60 stop > /dev/null || die "Postgres did not stop"
}

postgres_kill() {
  postgres_running || return 0
  local pid
  pid=$(as_pg head -1 "$(pg_home)/data/postmaster.pid")
  # Its children notice and end by themselves; the port is free only then.
  kill -9 "$pid"
  wait_for 30 port_is_free "$pg_port" || die "Postgres still listens on $pg_port"
  as_pg rm -f "$(pg_home)/data/postmaster.pid"
}

port_is_free() { ! listening "$1"; }
