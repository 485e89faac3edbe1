#!/bin/sh
# cli.sh WORD…: redis-cli to this container's own server, as the user that its environment names.
# The password goes through the environment: arguments of a process are for everyone to read.
set -eu
REDISCLI_AUTH=$(cat "${REDIS_PASSWORD_FILE:-/run/secrets/REDIS_PASSWORD}")
export REDISCLI_AUTH
exec redis-cli -h 127.0.0.1 -p "${REDIS_PORT:-6379}" --user "${REDIS_USERNAME:-default}" --no-auth-warning "$@"
