# The private RabbitMQ. Sourced by ../services.sh, which sets dir, node, the ports and the secrets.

# The pid of this node, if it is alive and really this node (a pid may have been given to another process since).
# RabbitMQ removes its own pid file when it begins to stop: ours, a copy, tells when it has ended.
rabbit_pid() {
  local file pid
  for file in "$dir/rabbitmq/pid" "$dir/rabbitmq/node.pid"; do
    pid=$(cat "$file" 2>/dev/null) || continue
    if grep -qs beam "/proc/$pid/comm" && grep -qsa -- "$dir/rabbitmq" "/proc/$pid/environ"; then
      echo "$pid"
      return 0
    fi
  done
  return 1
}

rabbit_running() { rabbit_pid > /dev/null; }
rabbit_ready() { rabbit_running && listening "$amqp_port" && listening "$management_port"; }
# A dying process loses its environment, by which we know it, before it lets go of its ports.
rabbit_gone() { ! rabbit_running && ! listening "$dist_port" && ! listening "$amqp_port"; }

# Settings of this node only: the environment is emptied first, so nothing of the system's RabbitMQ leaks in.
# The port mapper is its own too (epmd on 4369 is shared by the whole machine and outlives its nodes).
rabbit_env() {
  ${launch:-} env -i PATH="$PATH" LANG=C.UTF-8 HOME="$dir/rabbitmq/home" \
    ERL_EPMD_PORT="$epmd_port" ERL_EPMD_ADDRESS=127.0.0.1 ERL_CRASH_DUMP_SECONDS=0 \
    RABBITMQ_NODENAME="$node" RABBITMQ_DIST_PORT="$dist_port" \
    RABBITMQ_MNESIA_BASE="$dir/rabbitmq/data" RABBITMQ_LOG_BASE="$dir/rabbitmq/log" \
    RABBITMQ_CONFIG_FILE="$dir/rabbitmq/rabbitmq.conf" RABBITMQ_ADVANCED_CONFIG_FILE="$dir/rabbitmq/advanced.config" \
    RABBITMQ_CONF_ENV_FILE="$dir/rabbitmq/env.conf" RABBITMQ_ENABLED_PLUGINS_FILE="$dir/rabbitmq/plugins" \
    RABBITMQ_GENERATED_CONFIG_DIR="$dir/rabbitmq/generated" RABBITMQ_PID_FILE="$dir/rabbitmq/pid" \
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1}" \
    RABBITMQ_CTL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1}" \
    "$@" 9>&-
}

rabbit_configure() {
  local home=$dir/rabbitmq
  mkdir -p "$home/home" "$home/data" "$home/log" "$home/generated"
  chmod 700 "$home"
  : > "$home/env.conf"
  echo '[].' > "$home/advanced.config"
  echo '[rabbitmq_management].' > "$home/plugins"
  cat > "$home/rabbitmq.conf" <<CONF
listeners.tcp.1 = 127.0.0.1:$amqp_port
management.tcp.ip = 127.0.0.1
management.tcp.port = $management_port
default_user = postrider
default_pass = $RABBIT_PASSWORD
default_user_tags.administrator = true
# Figures of the management API are a test's eyes: not five seconds old.
collect_statistics_interval = 1000
# Of what quorum queues log, this much is kept in memory too (512 MB unless said otherwise).
raft.wal_max_size_bytes = 128000000
disk_free_limit.absolute = 200MB
log.file.level = warning
log.console = false
CONF
  if [ "$(cat "$home/home/.erlang.cookie" 2>/dev/null)" != "$ERLANG_COOKIE" ]; then
    rm -f "$home/home/.erlang.cookie"
    (umask 077 && printf '%s' "$ERLANG_COOKIE" > "$home/home/.erlang.cookie")
  fi
  chmod 400 "$home/home/.erlang.cookie"
}

rabbit_start() {
  find_rabbit || die "RabbitMQ is not installed: run scripts/services.sh up"
  if ! rabbit_running; then
    local port
    for port in "$amqp_port" "$management_port" "$dist_port"; do need_free_port "$port" RabbitMQ; done
    rabbit_configure
    # Left over from a node that was killed: it holds nothing but names.
    if listening "$epmd_port"; then
      epmd -port "$epmd_port" -names 9>&- > /dev/null 2>&1 || need_free_port "$epmd_port" "RabbitMQ's port mapper"
    else
      (close_others; rabbit_env epmd -daemon -address 127.0.0.1 -port "$epmd_port")
      wait_for 5 listening "$epmd_port" || die "epmd did not start on port $epmd_port"
    fi
    rm -f "$dir/rabbitmq/pid" "$dir/rabbitmq/node.pid"
    # exec: no shell of this script stays behind as its parent, holding the lock.
    (close_others; launch=exec; rabbit_env setsid nohup "$rabbit_bin/rabbitmq-server") > "$dir/rabbitmq/log/start.log" 2>&1 < /dev/null &
  fi
  wait_for 60 rabbit_ready || die "RabbitMQ did not get ready in 60 s: see $dir/rabbitmq/log"
  rabbit_pid > "$dir/rabbitmq/node.pid.new"
  mv "$dir/rabbitmq/node.pid.new" "$dir/rabbitmq/node.pid"
}

rabbit_stop() {
  local pid
  if pid=$(rabbit_pid); then
    kill -TERM "$pid"
    if ! wait_for 30 rabbit_gone; then rabbit_kill; fi
  fi
  if listening "$epmd_port"; then rabbit_env epmd -port "$epmd_port" -kill > /dev/null 2>&1 || true; fi
}

rabbit_kill() {
  local pid
  if pid=$(rabbit_pid); then
    kill -9 "$pid"
    wait_for 10 rabbit_gone || die "RabbitMQ (process $pid) cannot be killed"
  fi
}

rabbit_ctl() { rabbit_env "$rabbit_bin/rabbitmqctl" -n "$node" "$@"; }
