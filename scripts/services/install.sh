# Installs Postgres and RabbitMQ with apt where they are missing, without letting apt start the system's own servers
# or create the system's own cluster. Sourced by ../services.sh.

# The programs of the newest Postgres on this machine that is at least 15; a data directory keeps its own version.
find_postgres() {
  local version
  version=$(cat "$dir/postgres/data/PG_VERSION" 2>/dev/null || true)
  if [ -n "$version" ] && [ -x "/usr/lib/postgresql/$version/bin/initdb" ]; then
    pg_bin=/usr/lib/postgresql/$version/bin
    return 0
  fi
  pg_bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
  [ -n "$pg_bin" ] && [ -x "$pg_bin/initdb" ] && [ "$(basename "$(dirname "$pg_bin")")" -ge 15 ]
}

rabbit_bin=/usr/lib/rabbitmq/bin
find_rabbit() { [ -x "$rabbit_bin/rabbitmq-server" ] && command -v epmd > /dev/null; }

install_missing() {
  local packages=()
  if own_postgres && ! find_postgres; then packages+=(postgresql-15); fi
  if own_rabbit && ! find_rabbit; then packages+=(rabbitmq-server); fi
  [ ${#packages[@]} -gt 0 ] || return 0
  command -v apt-get > /dev/null ||
    die "missing: ${packages[*]}, and there is no apt-get here. Install them, or set DATABASE_URL and AMQP_URL."
  say "installing ${packages[*]} with apt-get (the system's own services are not started)"
  as_root=
  if [ "$(id -u)" != 0 ]; then
    command -v sudo > /dev/null || die "missing: ${packages[*]}. Run as root once, or install sudo."
    as_root=sudo
  fi
  (apt_install "${packages[@]}") || die "apt-get could not install ${packages[*]}"
  if own_postgres; then find_postgres || die "Postgres 15 or newer is still missing after apt-get"; fi
  if own_rabbit; then find_rabbit || die "RabbitMQ is still missing after apt-get"; fi
}

# Runs in a subshell, so that its trap restores what it changed however it ends.
apt_install() {
  local policy=/usr/sbin/policy-rc.d cluster=/etc/postgresql-common/createcluster.conf
  trap 'restore_policy; restore_cluster_conf' EXIT
  if [ -e "$policy" ]; then $as_root mv "$policy" "$policy.postrider"; fi
  printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" > /dev/null
  $as_root chmod 755 "$policy"
  # sudo drops the environment: what must not ask is told behind it.
  local quiet=(env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a)
  $as_root apt-get -q update
  local package packages=()
  for package in "$@"; do
    # Ubuntu ships one major version, not always 15.
    if [ "$package" = postgresql-15 ]; then
      $as_root "${quiet[@]}" apt-get -q -y install --no-install-recommends postgresql-common
      $as_root cp -a "$cluster" "$cluster.postrider"
      echo 'create_main_cluster = false' | $as_root tee "$cluster" > /dev/null
      apt-cache show postgresql-15 > /dev/null 2>&1 || package=postgresql
    fi
    packages+=("$package")
  done
  $as_root "${quiet[@]}" apt-get -q -y install --no-install-recommends "${packages[@]}"
}

restore_policy() {
  $as_root rm -f /usr/sbin/policy-rc.d
  if [ -e /usr/sbin/policy-rc.d.postrider ]; then
    $as_root mv /usr/sbin/policy-rc.d.postrider /usr/sbin/policy-rc.d
  fi
}

restore_cluster_conf() {
  local cluster=/etc/postgresql-common/createcluster.conf
  if [ -e "$cluster.postrider" ]; then $as_root mv "$cluster.postrider" "$cluster"; fi
}
