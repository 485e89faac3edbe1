#!/bin/sh
# alone.sh FILE [OPTION…]: as start.sh, for the state store as a single server, unless another node has newer data.
#
# Where there were sentinels (docker-compose.sentinel.yml), a fail-over may have made another node the master. What they wrote
# down is mounted at /sentinels; the note with the highest epoch tells who was master last.
set -eu
data=${REDIS_DATA:-/data}
notes=${REDIS_NOTES:-/sentinels}
tools=${0%/*}
. "$tools/aof.sh"

# NAME of the folder, epoch, address of the master: of the latest note.
latest() {
    for folder in "$notes"/*/; do
        [ -s "$folder/sentinel.conf" ] || continue
        awk -v folder="$folder" '
            $2 == "monitor" { address = $4 }
            $2 == "config-epoch" { epoch = $4 }
            END { print epoch + 0, address, folder }' "$folder/sentinel.conf"
    done | sort -n | tail -n 1
}

# Once it ran alone, its own data is the newest there is.
if [ ! -e "$data/alone" ]; then
    read -r _ master folder <<END
$(latest)
END
    if [ -n "$master" ] && [ "$master" != "$(cat "$folder/first-master")" ]; then
        echo "alone.sh: refused: after a fail-over the newest data is with $master, not here. Start the stack with the sentinel" \
            "overlay again and make redis the master (invoke redis.failover --to redis); then stop it and start this one." >&2
        exit 1
    fi
    touch "$data/alone"
    # Its role among the sentinels is over.
    rm -f "$data/redis.conf"
fi
if damaged; then
    echo "alone.sh: the append-only file is damaged, and is left alone because no other server has the data: restore a backup (invoke" \
        "redis.restore --from FOLDER), or cut it off where it is damaged (docs/redis-sentinel.md)" >&2
fi
begin_loading
exec sh "$tools/start.sh" "$@"
