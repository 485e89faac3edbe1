#!/bin/sh
# fence.sh EVENT TEXT: run by a sentinel when something happens; acts in the midst of a fail-over that this sentinel leads.
#
# A fail-over promotes one replica, and tells the others up to a second later. Until then they go on confirming what the old master
# takes, if that only stood still for a moment: acknowledged, waited for with WAIT, and lost. So they follow the chosen replica before
# it is promoted: with that the old master has nobody left who confirms anything, and refuses writes.
# If the fail-over ends without a result, the sentinels turn them back. One that has lost its link confirms nothing, and the chosen
# one, which has lost it too then, would not have it yet: it would ask again a second later.
#
# From the choice to the promotion it is one turn of the sentinel's timer, 50 to 100 ms; who has a link is found out before.
set -eu
case "$1" in
    +elected-leader | +selected-slave) . "${0%/*}/lib.sh" ;;
    *) exit 0 ;;
esac
linked=${REDIS_DATA:-/data}/$REDIS_NAME/linked

note_link() {
    if ask "$1" info replication | grep -q '^master_link_status:up'; then
        echo "$1"
    fi
}

for_each_node() {
    for node in $(echo "$REDIS_NODES" | tr , ' '); do
        "$1" "$node" &
    done
    wait
}

turn() {
    case "${1%:*}" in
        "$chosen" | "$old") ;;
        *) ask "$1" replicaof "$chosen" "$port" > /dev/null ;;
    esac
}

if [ "$1" = +elected-leader ]; then
    for_each_node note_link > "$linked"
else
    # slave NAME ADDRESS PORT @ MASTER ADDRESS PORT
    set -- $2
    chosen=$3 port=$4 old=$7
    REDIS_NODES=$(tr '\n' , < "$linked")
    for_each_node turn
fi
