#!/bin/sh
# fence.sh: runs beside redis-server and makes it a replica when the sentinels have made another node the master, which this one
# missed: it stood still, was cut off, or nobody told it. The sentinels would do so too, after 10 s, until which the other nodes
# lack a replica.
#
# It acts when a quorum of the sentinels names a node that says itself that it is the master, three times in a row a second
# apart, and no fail-over is under way: while one is, they still name the old master.
set -eu
. "${0%/*}/lib.sh"

own() { sh "${0%/*}/../cli.sh" "$@" 2> /dev/null; }

# The node that has taken this one's place, or nothing.
successor() {
    [ "$(own role | head -n 1)" = master ] || return 0
    lines=$(sentinels_say)
    master=$(echo "$lines" | agreed)
    [ -n "$master" ] && [ "$master" != "$REDIS_ADDRESS" ] || return 0
    ! echo "$lines" | grep -q failover || return 0
    [ "$(ask "$master:6379" role | head -n 1)" != master ] || echo "$master"
}

times=0
while sleep 1; do
    next=$(successor)
    if [ -z "$next" ]; then
        times=0
        continue
    fi
    times=$((times + 1))
    [ "$times" -ge 3 ] || continue
    say "$next is the master: this node becomes its replica"
    own replicaof "$next" 6379 > /dev/null
    own config rewrite > /dev/null || true
    own client kill type normal > /dev/null || true
    times=0
done
