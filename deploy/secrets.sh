#!/usr/bin/env bash
# Makes the secrets of an installation as files, one folder for whoever may read it. What is there stays; what `.env` (or
# the environment) sets is taken from it. For compose as it is; for Kubernetes each folder becomes a Secret.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
  cat <<'TEXT'
usage: deploy/secrets.sh [DIR]

DIR is `secrets` unless given. Keep a copy of it: without DIR/connector/encryption-keys nobody can open the refresh tokens
in the database, without DIR/notification/encryption-keys the secrets of webhooks. Taken from `.env` or the environment
where they are set there, else made: DATABASE_URL (the administrator's), AMQP_URL, JWT_SECRET, ENCRYPTION_KEYS,
NOTIFICATION_ENCRYPTION_KEYS, INTERNAL_KEYS. Taken, or left empty: GOOGLE_CLIENT_SECRET, GOOGLE_DESKTOP_CLIENT_SECRET,
GMAIL_REFRESH_TOKEN, SMTP_URL, VAPID_PRIVATE_KEY, OTEL_EXPORTER_OTLP_HEADERS. The key file of the account that pulls (PUBSUB_PULL_SUBSCRIPTION) belongs at
DIR/ingest-webhook/pubsub-credentials; put it there yourself, it is left as it is.
TEXT
}

case ${1:-} in -h | --help) usage; exit 0 ;; esac
dir=${1:-secrets}

# The environment's value of a setting, else the one in `.env`, without the quotes around it or a comment behind it.
setting() {
  local value=${!1:-}
  if [ -z "$value" ] && [ -f .env ]; then
    value=$(sed -nE "s/^(export +)?$1 *= *(.*)$/\2/p" .env | tail -1 | sed -E "s/\r$//; /^[\"']/! s/[[:space:]]+#.*$//; s/[[:space:]]+$//")
    case $value in \"*\" | \'*\') value=${value:1:${#value}-2} ;; esac
  fi
  printf '%s' "$value"
}

random_hex() { head -c "$1" /dev/urandom | od -An -tx1 | tr -d ' \n'; }
random_base64() { head -c "$1" /dev/urandom | base64 -w0; }

# Writes a file unless it says so already. Readable by all, in a folder only its owner may enter: a container's user has
# no name here.
put() {
  mkdir -p "$dir/$(dirname "$1")"
  if [ -s "$dir/$1" ] && [ "$(cat "$dir/$1")" = "$2" ]; then return; fi
  printf '%s\n' "$2" > "$dir/$1.new"
  chmod 444 "$dir/$1.new"
  mv -f "$dir/$1.new" "$dir/$1"
}

# What a file says, else what the setting says, else what was made just now. The setting wins.
kept() {
  local set
  set=$(setting "$2")
  if [ -n "$set" ]; then printf '%s' "$set"
  elif [ -s "$dir/$1" ]; then cat "$dir/$1"
  else printf '%s' "$3"; fi
}

mkdir -p "$dir"
chmod 700 "$dir"

# --- Postgres: the administrator, and a role for each service.
if [ -s "$dir/postgres/password" ]; then password=$(cat "$dir/postgres/password"); else password=$(random_hex 24); fi
put postgres/password "$password"
admin=$(kept migrate/database-url DATABASE_URL "postgres://postrider:$password@postgres:5432/postrider")
put migrate/database-url "$admin"
server=${admin##*@}
for service in gateway ingest-webhook connector sync-worker notification; do
  case $service in ingest-webhook) name=ingest ;; *) name=$service ;; esac
  role=${name//-/_}
  if [ -s "$dir/$service/database-url" ]; then url=$(cat "$dir/$service/database-url"); else url="postgres://$role:$(random_hex 24)@"; fi
  # Another server: the role moves there with its password.
  url="${url%@*}@$server"
  put "$service/database-url" "$url"
  put "migrate/$name-database-url" "$url"
done

# --- RabbitMQ.
if [ -s "$dir/rabbitmq/password" ]; then password=$(cat "$dir/rabbitmq/password"); else password=$(random_hex 24); fi
put rabbitmq/password "$password"
put rabbitmq/user.conf "default_user = postrider
default_pass = $password"
amqp=$(kept ingest-webhook/amqp-url AMQP_URL "amqp://postrider:$password@rabbitmq:5672/%2f")
for service in ingest-webhook connector sync-worker notification; do put "$service/amqp-url" "$amqp"; done

# --- For an autoscaler: how many mailboxes wait (as the role that sees them across tenants), how long the queues are.
due=$(cat "$dir/sync-worker/database-url")
case $due in *\?*) due="$due&" ;; *) due="$due?" ;; esac
put keda/due-url "${due}options=-c%20role%3Dsync_worker_system"
put keda/amqp-url "$amqp"

# --- Keys between services: each service gets those of its own pairs.
pairs="gateway>connector gateway>sync-worker gateway>notification gateway>ingest-webhook
  ingest-webhook>connector sync-worker>connector notification>connector notification>sync-worker"
known=$(cat "$dir"/*/internal-keys 2> /dev/null || true)
given=$(setting INTERNAL_KEYS)
key_of() {
  printf '%s\n%s' "$given" "$known" | tr ',' '\n' | awk -v pair="$1:" 'index($0, pair) == 1 { print substr($0, length(pair) + 1); exit }'
}
declare -A keys
for pair in $pairs; do
  key=$(key_of "$pair")
  [ -n "$key" ] || key=$(random_base64 32)
  for service in "${pair%>*}" "${pair#*>}"; do
    keys[$service]="${keys[$service]:+${keys[$service]},}$pair:$key"
  done
done
for service in "${!keys[@]}"; do put "$service/internal-keys" "${keys[$service]}"; done

# --- What clients' tokens are signed with, what refresh tokens are sealed with (connector's alone), Google's.
jwt=$(kept gateway/jwt-secret JWT_SECRET "$(random_base64 48)")
for service in gateway notification; do put "$service/jwt-secret" "$jwt"; done
put connector/encryption-keys "$(kept connector/encryption-keys ENCRYPTION_KEYS "$(random_base64 32 | tr '+/' '-_')")"
# What the secrets of webhooks are sealed with.
put notification/encryption-keys \
  "$(kept notification/encryption-keys NOTIFICATION_ENCRYPTION_KEYS "$(random_base64 32 | tr '+/' '-_')")"
google=$(setting GOOGLE_CLIENT_SECRET)
[ -n "$google" ] || google=$(setting GMAIL_CLIENT_SECRET)
if [ -n "$google" ] || [ ! -e "$dir/connector/google-client-secret" ]; then put connector/google-client-secret "$google"; fi
# Each of these only where it is set; a file that is there is never emptied.
optional() {
  local set
  set=$(setting "$2")
  if [ -n "$set" ] || [ ! -e "$dir/$1" ]; then put "$1" "$set"; fi
}
optional connector/google-desktop-client-secret GOOGLE_DESKTOP_CLIENT_SECRET
optional connector/gmail-refresh-token GMAIL_REFRESH_TOKEN
optional notification/smtp-url SMTP_URL
optional notification/vapid-private-key VAPID_PRIVATE_KEY
for service in gateway ingest-webhook connector sync-worker notification; do
  optional "$service/otlp-headers" OTEL_EXPORTER_OTLP_HEADERS
done
if [ ! -e "$dir/ingest-webhook/pubsub-credentials" ]; then put ingest-webhook/pubsub-credentials ""; fi
# The simulated Google's own, for the demo.
if [ ! -s "$dir/gmail-sim/google-client-secret" ]; then put gmail-sim/google-client-secret "$(random_hex 24)"; fi

if [ ! -s "$dir/grafana/password" ]; then put grafana/password "$(random_hex 16)"; fi

echo "secrets: $dir holds what each service may know. Keep a copy of it."
