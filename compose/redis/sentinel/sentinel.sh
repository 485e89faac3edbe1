#!/bin/sh
# sentinel.sh: runs one of the sentinels. What it learned lives in /data/NAME/sentinel.conf; settings are taken from the template
# and the environment at each start, so that a changed one takes effect.
set -eu
umask 077
. "${0%/*}/lib.sh"

folder=${REDIS_DATA:-/data}/$REDIS_NAME
file=$folder/sentinel.conf
name=$REDIS_SENTINEL_MASTER

# What a sentinel has to remember: who it is, whom it watches, which elections there were, who else is there.
remembered() {
    grep -E "^sentinel (myid|current-epoch|(monitor|config-epoch|leader-epoch|known-replica|known-sentinel) $name) " "$file" \
        2> /dev/null
}

# The network was given other addresses: the hosts' numbers in it stayed.
readdressed() {
    before=$(cat "$folder/first-master" 2> /dev/null || echo "$REDIS_FIRST_MASTER")
    sed "s| ${before%.*}\.\([0-9]\)| ${REDIS_FIRST_MASTER%.*}.\1|g"
}

# One line per node that says it is a master with replicas: its address.
masters_say() {
    for node in $(echo "$REDIS_NODES" | tr , ' '); do
        ask "$node" info replication | tr -d '\r' | awk -F: -v address="${node%:*}" '
            { value[$1] = $2 } END { if (value["role"] == "master" && value["connected_slaves"] > 0) print address }' &
    done
    wait
}

# A sentinel without memory joins what is there, other sentinels' word first; the first one of all begins with the first master.
first_memory() {
    found=$({ sentinels_say | sed 's/^/1 /' & masters_say | sed 's/^/2 /' & wait; } | sort | awk 'NR == 1 { print $2 }')
    echo "sentinel monitor $name ${found:-$REDIS_FIRST_MASTER} 6379 $REDIS_QUORUM"
}

# What only this command can set, once the sentinel runs: its periods, in milliseconds (default in brackets).
hurry() {
    # info (10000): by the offsets heard last, a fail-over chooses the replica that has the most.
    # ping (1000): also the pause before a lost link is renewed. If it is longer than down-after, the new master, whose links
    #   are all cut when it is promoted, is taken for dead. Replicas that said nothing for 5 of them are not chosen. Sentinels
    #   see a silent master as down by up to one of them sooner or later than each other.
    # publish (2000): four of them pass before a former master that is back is made a replica.
    set -- info-period 1000 ping-period 250 publish-period 500
    until sh "${0%/*}/../cli.sh" sentinel debug "$@" | grep -q OK; do
        sleep 0.2
    done
}

mkdir -p "$folder"
# A file that can be executed, whatever became of the modes of those beside this one.
printf '#!/bin/sh\nexec sh %s/fence.sh "$@"\n' "${0%/*}" > "$folder/fence"
chmod 700 "$folder/fence"
memory=$(remembered | readdressed)
[ -n "$memory" ] || memory=$(first_memory)
# For alone.sh, which has to know whether the node that runs alone was the last master.
echo "$REDIS_FIRST_MASTER" > "$folder/first-master"
fill users-sentinel.acl SERVICES="$(digests REDIS_PASSWORD)" SENTINEL="$(digests REDIS_SENTINEL_PASSWORD)" \
    OPERATOR="$(digests REDIS_OPERATOR_PASSWORD)" > "$folder/users.acl"
{
    fill sentinel.conf FOLDER="$folder" ADDRESS="$REDIS_ADDRESS" MASTER="$name" \
        SENTINEL_PASSWORD="$(secret REDIS_SENTINEL_PASSWORD)" \
        DOWN_AFTER_MS=$((REDIS_DOWN_AFTER_MS * REDIS_DOWN_AFTER_PERCENT / 100)) \
        FAILOVER_TIMEOUT_MS="$REDIS_FAILOVER_TIMEOUT_MS"
    echo "$memory"
} > "$file.new"
mv "$file.new" "$file"
say "$(echo "$memory" | grep '^sentinel monitor ')"
# In a shell of its own that ends: this one becomes the sentinel, which would take the other for a child of its.
(hurry > /dev/null 2>&1 &)
exec redis-sentinel "$file"
