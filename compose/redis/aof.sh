# The append-only file of a server whose last start did not end; read by `.`. Uses $data, the server's folder, and $tools, this one.

# begin_loading: notes that a start has begun. It has ended when the server answers.
begin_loading() {
    touch "$data/loading"
    # In a shell of its own that ends: the caller becomes redis-server, which would take the other for a child of its.
    (loaded > /dev/null 2>&1 &)
}

# Not for ever: if it can't be told, the next start only checks once more than it has to.
loaded() {
    tries=0
    until [ "$(sh "$tools/cli.sh" ping)" = PONG ]; do
        tries=$((tries + 1))
        [ "$tries" -lt "${REDIS_LOADING_TRIES:-9000}" ] || return 0
        sleep 0.2
    done
    rm -f "$data/loading"
}

# damaged: whether the last start ended while the server read its files, and Redis' own checker can't read them either. Without
# the note nothing is checked: that takes as long as loading.
damaged() {
    [ -e "$data/loading" ] || return 1
    for manifest in "$data"/appendonlydir/*.manifest; do
        [ -e "$manifest" ] || return 1
        # The checker's answer is about files that it could read.
        [ -r "$manifest" ] || return 1
        ! redis-check-aof "$manifest" > /dev/null 2>&1 || return 1
    done
}

# set_aside: moves the append-only file to a folder that it prints; the last two of them are kept.
set_aside() {
    kept=$data/damaged-$(date -u +%Y%m%dT%H%M%SZ)
    mv "$data/appendonlydir" "$kept"
    rm -f "$data/loading"
    ls -d "$data"/damaged-* | sort -r | sed 1,2d | while read -r old; do
        rm -rf "$old"
    done
    echo "$kept"
}
