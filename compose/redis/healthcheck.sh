#!/bin/sh
# PING; of a replica also whether it follows its master, of a sentinel also whether a fail-over could be decided.
# Anything but PONG is a failure: while loading, and when the append-only file can't be written, the answer is an error.
set -eu

cli() { sh /etc/optimus/redis/cli.sh "$@"; }

fail() {
    echo "$*"
    exit 1
}

answer=$(cli ping)
[ "$answer" = PONG ] || fail "$answer"
case "${REDIS_ROLE:-}" in
    node)
        replication=$(cli info replication)
        case "$replication" in
            *master_link_status:down*) fail "the link to the master is down" ;;
        esac
        # It has its copy. Whoever was to say so was ended before (sentinel/node.sh).
        behind=${REDIS_DATA:-/data}/behind
        if [ -e "$behind" ]; then
            cli config set replica-priority 100 > /dev/null && rm -f "$behind"
        fi
        ;;
    sentinel)
        answer=$(cli sentinel ckquorum "$REDIS_SENTINEL_MASTER")
        case "$answer" in
            OK*) ;;
            *) fail "$answer" ;;
        esac
        ;;
esac
