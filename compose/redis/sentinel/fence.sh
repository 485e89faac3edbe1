#!/bin/sh
# fence.sh EVENT TEXT: run by a sentinel when something happens, in the midst of a fail-over that it leads.
#
# A fail-over promotes one replica, and tells the others up to a second later. Until then they go on confirming what the old master
# takes, if that only stood still for a moment: acknowledged, waited for with WAIT, and lost. So they follow the chosen replica before
# it is promoted: with that the old master has nobody left who confirms anything, and refuses writes.
# If the fail-over ends without a result, the sentinels turn them back. One that has lost its link confirms nothing, and the chosen
# one, which has lost it too then, would not have it yet: it would ask again a second later.
set -eu
. "${0%/*}/lib.sh"

[ "$1" = +selected-slave ] || exit 0
# slave NAME ADDRESS PORT @ MASTER ADDRESS PORT
set -- $2
chosen=$3 port=$4 old=$7

turn() {
    ask "$1" info replication | grep -q '^master_link_status:up' || return 0
    ask "$1" replicaof "$chosen" "$port" > /dev/null
}

for node in $(echo "$REDIS_NODES" | tr , ' '); do
    case "${node%:*}" in
        "$chosen" | "$old") ;;
        *) turn "$node" & ;;
    esac
done
wait
