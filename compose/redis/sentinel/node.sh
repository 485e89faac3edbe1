#!/bin/sh
# node.sh [OPTION…]: runs redis-server as one of the data nodes that the sentinels look after.
#
# Which role it takes is what a quorum of the sentinels says; until one agrees, it waits. It refuses some things, says so, and
# waits until the sentinels say something else:
# - to be master without data while there are replicas, who would copy the nothing;
# - to follow another node while its own data is newer than theirs, written while there were no sentinels;
# - to believe sentinels that know of no fail-over where there was one.
# A replica whose append-only file is damaged keeps it aside and copies from the master; a master never does.
set -eu
umask 077
. "${0%/*}/lib.sh"

data=${REDIS_DATA:-/data}
tools=${0%/*}/..
. "$tools/memory.sh"
. "$tools/aof.sh"

# Written by start.sh when this node runs alone.
alone=$data/alone
# There while this node is no candidate because it may be behind.
behind=$data/behind

has_data() {
    for file in "$data"/appendonlydir/*.manifest "$data/dump.rdb"; do
        [ ! -s "$file" ] || return 0
    done
    return 1
}

was_replica() { grep -q '^replicaof ' "$data/redis.conf" 2> /dev/null; }

was_master() { has_data && [ -e "$data/redis.conf" ] && ! was_replica; }

# most COLUMN < LINES: the largest number in a column.
most() { awk -v column="$1" '$column > most { most = $column } END { print most + 0 }'; }

# decide < LINES of sentinels_say: `master`, `master held` (it was away, and may be about to be replaced), `replica ADDRESS`,
# `replica ADDRESS behind` (its data may be older than the others'), `choosing` (a fail-over is under way), or why not.
decide() {
    lines=$(cat)
    master=$(echo "$lines" | agreed)
    replicas=$(echo "$lines" | most 3)
    # Sentinels that have just started: all were away together, so what each node has is what it had when they stopped.
    if [ "$(echo "$lines" | most 5)" -lt 5 ]; then together=yes; else together=; fi
    # No fail-over yet, for all that they know.
    if [ "$(echo "$lines" | most 4)" -eq 0 ]; then first=yes; else first=; fi
    if [ -z "$master" ]; then
        echo "waiting: fewer than $REDIS_QUORUM sentinels name a master"
    elif [ "$master" != "$REDIS_ADDRESS" ] && [ -e "$alone" ]; then
        echo "refused: this node ran alone and its data is newer, but the sentinels name $master; see docs/redis-sentinel.md"
    elif [ "$master" != "$REDIS_ADDRESS" ] && [ -n "$first" ] && was_master; then
        echo "refused: this node was the last master, but sentinels without memory name $master; see docs/redis-sentinel.md"
    elif [ "$master" != "$REDIS_ADDRESS" ] && [ -n "$together" ] && has_data; then
        echo "replica $master"
    elif [ "$master" != "$REDIS_ADDRESS" ]; then
        echo "replica $master behind"
    elif [ "$replicas" -gt 0 ] && ! has_data; then
        echo "refused: the sentinels name this node master, but it has no data and would empty the $replicas replicas"
    elif [ -n "$first" ] && was_replica; then
        echo "refused: this node was a replica, but sentinels without memory name it master; see docs/redis-sentinel.md"
    elif [ "$replicas" -gt 0 ] && [ -z "$together" ] && echo "$lines" | grep -q ' [^ ]*\(down\|failover\)'; then
        echo choosing
    elif [ "$replicas" -gt 0 ]; then
        echo "master held"
    else
        echo master
    fi
}

# Where this node was away for longer than down-after, the sentinels are about to replace it: it waits for them for 2 s, in which
# a fail-over ends. If it doesn't, nobody else can be master.
role() {
    patience=${REDIS_PATIENCE:-10}
    said=
    while :; do
        verdict=$(sentinels_say | decide)
        case "$verdict" in
            master* | replica*) break ;;
            choosing)
                patience=$((patience - 1))
                [ "$patience" -gt 0 ] || { verdict="master held" && break; }
                sleep 0.1
                ;;
            *)
                [ "$verdict" = "$said" ] || say "$verdict"
                said=$verdict
                sleep 0.5
                ;;
        esac
    done
    say "$verdict"
    echo "$verdict"
}

# A replica that may be behind must not be made master before it has a copy: the sentinels would take it if the others were away.
# Should this be ended before it is done (by the kernel, where memory is short), the health check does it: the note tells.
candidate_once_copied() {
    cli="sh $tools/cli.sh"
    until $cli ping > /dev/null; do
        sleep 0.1
    done
    $cli -r -1 -i 0.1 info replication | grep -m 1 '^master_link_status:up\|^role:master'
    $cli config set replica-priority 100
    rm -f "$behind"
}

# settled MILLISECONDS [SURE] < LINES of sentinels_say: `master` if a quorum of the sentinels heard of this node as the master within
# that time, and none replaces it or has done so already; `replica ADDRESS` if a quorum names another. With SURE, none may miss it
# either.
settled() {
    awk -v me="$REDIS_ADDRESS" -v quorum="$REDIS_QUORUM" -v since="$1" -v sure="${2:-}" '
        $1 != me { if (++others[$1] == quorum) other = $1; if ($4 > newest) newest = $4; next }
        $4 > epoch { epoch = $4 }
        $2 ~ /failover|o_down/ || (sure && $2 ~ /down/) { replacing = 1 }
        $2 == "master" && $6 < since { ++heard }
        END {
            if (other) print "replica", other
            else if (heard >= quorum && !replacing && newest <= epoch) print "master"
        }'
}

milliseconds() { awk '{ printf "%d\n", $1 * 1000 }' /proc/uptime; }

# A master that was away for a moment may be back before the sentinels have replaced it, and their fail-over goes on all the same.
# What it took meanwhile would be lost, also what one replica has: the other one is the new master. So it takes no writes until the
# sentinels have heard of it again and nobody is about to replace it; if somebody is, it follows the new one as soon as it is named.
# A sentinel that goes on missing it can do nothing alone: it is waited for 3 s.
writable_once_settled() {
    cli="sh $tools/cli.sh"
    # Also not before it has read its data: until then it could not become a replica.
    until [ "$($cli ping)" = PONG ]; do
        sleep 0.05
    done
    began=$(milliseconds)
    while :; do
        age=$(($(milliseconds) - began))
        if [ "$age" -lt "${REDIS_SURE_MS:-3000}" ]; then sure=sure; else sure=; fi
        verdict=$(sentinels_say | settled "$age" $sure)
        case "$verdict" in
            replica*) $cli replicaof "${verdict#* }" 6379 && break ;;
            master) break ;;
        esac
        sleep 0.05
    done
    $cli config set min-replicas-to-write "$REDIS_MIN_REPLICAS"
}

role=$(role)
if damaged; then
    case "$role" in
        replica*)
            kept=$(set_aside)
            say "the append-only file is damaged: it is kept in $kept, and this node copies all from its master"
            role="${role% behind} behind"
            ;;
        *) say "the append-only file is damaged, and is left alone because this node is the master; see docs/redis-sentinel.md" ;;
    esac
fi
case "$role" in
    # More than there are: no write is taken.
    "master held") min_replicas=99 ;;
    *) min_replicas=$REDIS_MIN_REPLICAS ;;
esac
# The default user may do everything, but nobody is it: it is off and has no password. Redis reads its append-only file in this
# user's name, and leaves out the transactions (also what scripts wrote) that the user may not make: redis/redis#14541.
fill users-node.acl SERVICES="$(digests REDIS_PASSWORD)" SENTINEL="$(digests REDIS_SENTINEL_PASSWORD)" \
    REPLICATION="$(digests REDIS_REPLICATION_PASSWORD)" OPERATOR="$(digests REDIS_OPERATOR_PASSWORD)" > "$data/users.acl"
# In parts of the data, so that they fit where all is smaller.
maxmemory=$(maxmemory_of "$@")
[ "$maxmemory" -gt 0 ] || maxmemory=$((192 * 1048576))
fill node.conf ADDRESS="$REDIS_ADDRESS" BACKLOG=$((maxmemory / 12)) UNREAD=$((maxmemory / 3)) \
    UNREAD_LONG=$((maxmemory / 6)) MIN_REPLICAS="$min_replicas" MAX_LAG="$REDIS_MAX_LAG" \
    REPLICATION_PASSWORD="$(secret REDIS_REPLICATION_PASSWORD)" > "$data/redis.conf"
rm -f "$behind"
case "$role" in
    master*) rm -f "$alone" ;;
    *) echo "$role" | awk '{ print "replicaof", $2, 6379; if ($3) print "replica-priority 0" }' >> "$data/redis.conf" ;;
esac
# In a shell of its own that ends: this one becomes redis-server, which would take the other for a child of its.
case "$role" in
    *behind) touch "$behind" && (candidate_once_copied > /dev/null 2>&1 &) ;;
    *held) (writable_once_settled > /dev/null 2>&1 &) ;;
esac
begin_loading
exec sh "$tools/start.sh" "$data/redis.conf" "$@"
