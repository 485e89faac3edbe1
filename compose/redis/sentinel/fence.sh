#!/bin/sh
# fence.sh EVENT TEXT: run by a sentinel when something happens, in the midst of a fail-over that it leads.
#
# A fail-over promotes one replica, and tells the others up to a second later. Until then they go on confirming what the old master
# takes, if that only stood still for a moment: acknowledged, waited for with WAIT, and lost. So they follow the chosen replica before
# it is promoted: with that the old master has nobody left who confirms anything, and refuses writes.
# If the fail-over ends without a result, the sentinels turn them back.
set -eu
. "${0%/*}/lib.sh"

[ "$1" = +selected-slave ] || exit 0
# slave NAME ADDRESS PORT @ MASTER ADDRESS PORT
set -- $2
chosen=$3 port=$4 old=$7
for node in $(echo "$REDIS_NODES" | tr , ' '); do
    case "${node%:*}" in
        "$chosen" | "$old") ;;
        *) ask "$node" replicaof "$chosen" "$port" > /dev/null & ;;
    esac
done
wait
