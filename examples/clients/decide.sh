#!/usr/bin/env bash
# Asks a router for a decision with curl: over HTTP/1.1, and over HTTP/2.
#
#   decide.sh [URL]           URL: http://127.0.0.1:9000, or https://… (CA_FILE names its authority)
#
# Exits with 1 if the router refuses, with curl's code if it does not answer.
set -euo pipefail

url="${1:-http://127.0.0.1:9000}"
request='{"tenant_id": "demo", "task": {"type": "chat", "payload": {"text": "hello"}}}'

ask() {
    local way="$1" reply code=0
    shift
    reply="$(curl -sS --fail-with-body --max-time 5 ${CA_FILE:+--cacert "$CA_FILE"} "$@" \
        -H 'Content-Type: application/json' -d "$request" "$url/api/v1/routes/decide")" || code=$?
    if [ "$code" -ne 0 ]; then
        echo "decide.sh: $url: ${reply:-no reply}" >&2
        exit $((code == 22 ? 1 : code))
    fi
    echo "$way: $reply"
}

ask HTTP/1.1 --http1.1
if [[ "$url" == https:* ]]; then
    ask HTTP/2 --http2 # agreed on by ALPN
else
    ask HTTP/2 --http2-prior-knowledge
fi
