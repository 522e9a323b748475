#!/usr/bin/env bash
# `make fuzz-api`: thousands of generated requests, good and bad, for each operation of /openapi.json,
# against a stack of its own. Fails on an answer of 5xx, a status or a body that the document does not tell. EXAMPLES sets how many
# requests an operation gets (50); a first run brings schemathesis into .run/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
version=4.32.5
environment=$PWD/.run/schemathesis
base=http://127.0.0.1:${PORT_BASE:-8000}
postrider=${POSTRIDER:-target/debug/postrider}

if [ "$("$environment/bin/schemathesis" --version 2> /dev/null)" != "schemathesis, version $version" ]; then
  echo "fuzz-api: bringing schemathesis $version into .run/"
  rm -rf "$environment"
  mkdir -p .run
  python3 -m venv "$environment"
  "$environment/bin/pip" -q --disable-pip-version-check install "schemathesis==$version"
fi

# Requests are to be refused for what they say, not for their number.
export RATE_LIMIT_PER_MINUTE=100000000 RATE_LIMIT_PER_ADDRESS=100000000
# All features are on: what is not configured answers 503, as the document says. Nothing is ever sent: nobody listens there.
export SMTP_URL=smtp://127.0.0.1:9 SMTP_TLS=none MAIL_FROM=mail@postrider.example
export VAPID_PRIVATE_KEY=AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE VAPID_SUBJECT=mailto:mail@postrider.example
if curl -fs "$base/health/live" > /dev/null; then
  echo "fuzz-api: a stack runs at $base, and this would delete what is in it: make down first" >&2
  exit 1
fi
"$postrider" up > /dev/null
trap '"$postrider" down > /dev/null' EXIT
# A tenant of its own: the demo finds its mailbox and its preferences as they were. Its programs bear an API key.
token=$("$postrider" token --tenant fuzz --user fuzz)
key=$(curl -fsS -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
  -d '{"name": "fuzz", "scopes": ["read", "write"]}' "$base/api/v1/api-keys" |
  python3 -c 'import json, sys; print(json.load(sys.stdin)["key"])')

# Not asked: the stream never ends, and a sync that is waited for takes half a minute each.
fuzz() {
  local bearer=$1
  shift
  "$environment/bin/schemathesis" run "$base/openapi.json" \
    --url "$base" --header "Authorization: Bearer $bearer" \
    --exclude-path /api/v1/events/stream --exclude-path /gmail/sync/deleted \
    --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance \
    --phases examples,coverage,fuzzing --max-examples "${EXAMPLES:-50}" --workers 2 --request-timeout 40 \
    --continue-on-failure --suppress-health-check all --no-color "$@"
}
failed=0
fuzz "$key" || failed=1
# Keys are made by who signed in, and not by keys.
fuzz "$token" --include-path-regex '^/api/v1/(api-keys|tokens)' || failed=1
exit $failed
