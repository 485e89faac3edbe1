#!/bin/sh
# PING with the password, which goes through the environment: arguments of a process are for everyone to read.
# Anything but PONG is a failure: while loading, and when the append-only file can't be written, the answer is an error.
set -eu
REDISCLI_AUTH=$(cat /run/secrets/REDIS_PASSWORD)
export REDISCLI_AUTH
answer=$(redis-cli -h 127.0.0.1 ping)
if [ "$answer" != PONG ]; then
    echo "$answer"
    exit 1
fi
