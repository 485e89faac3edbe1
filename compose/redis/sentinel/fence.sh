#!/bin/sh
# fence.sh EVENT TEXT: run by a sentinel when something happens; acts in the midst of a fail-over that this sentinel leads.
#
# A fail-over promotes one replica, and tells the others up to a second later. Until then they go on confirming what the old master
# takes, if that only stood still for a moment: acknowledged, waited for with WAIT, and lost. So they follow the chosen replica before
# it is promoted: with that the old master has nobody left who confirms anything, and refuses writes.
# If the fail-over ends without a result, the sentinels turn them back. One that has lost its link confirms nothing, and the chosen
# one, which has lost it too then, would not have it yet: it would ask again a second later.
#
# From one event to the next it is a turn of the sentinel's timer, 50 to 100 ms, and one more to the promotion. So links are looked at
# when the sentinel stands for election, and replicas turn when it is elected, to the one that it is about to choose.
set -eu
case "$1" in
    +try-failover | +elected-leader | +selected-slave) . "${0%/*}/lib.sh" ;;
    *) exit 0 ;;
esac
linked=${REDIS_DATA:-/data}/$REDIS_NAME/linked

note_link() {
    if ask "$1" info replication | grep -q '^master_link_status:up'; then
        echo "$1"
    fi
}

# The replica that the sentinel would choose by what it knows, as sentinelSelectSlave does: the lowest priority but 0, then the
# highest offset, then the first run id. Should it choose another after all, +selected-slave says so, and the others turn to that.
about_to_choose() {
    ask "127.0.0.1:$REDIS_PORT" sentinel replicas "$REDIS_SENTINEL_MASTER" | tr -d '\r' | awk '
        NR % 2 { name = $0; next }
        { value[name] = $0 }
        name == "slave-repl-offset" && value["flags"] == "slave" && value["slave-priority"] > 0 {
            print value["slave-priority"], value[name], value["runid"], value["ip"] ":" value["port"]
        }' | LC_ALL=C sort -k 1,1n -k 2,2nr -k 3,3 | awk 'NR == 1 { print $4 }'
}

# turn_to ADDRESS:PORT: let all others that have a link follow it, if it has one itself.
turn_to() {
    grep -qxF "$1" "$linked" || return 0
    while read -r replica; do
        [ "$replica" = "$1" ] || ask "$replica" replicaof "${1%:*}" "${1##*:}" > /dev/null &
    done < "$linked"
    wait
}

case "$1" in
    +try-failover)
        : > "$linked"
        for node in $(echo "$REDIS_NODES" | tr , ' '); do
            note_link "$node" >> "$linked" &
        done
        wait
        ;;
    +elected-leader) turn_to "$(about_to_choose)" ;;
    # slave NAME ADDRESS PORT @ MASTER ADDRESS PORT
    +selected-slave) set -- $2 && turn_to "$3:$4" ;;
esac
