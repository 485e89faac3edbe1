# How much memory a server needs beside its data; read by `.`. The arithmetic: docs/redis-memory.md.

# bytes SIZE: of a size as Redis writes it (192mb, 1gb, 1000).
bytes() {
    echo "$1" | awk '{
        size = tolower($0); number = size + 0
        sub(/^[0-9.]+/, "", size)
        factor["k"] = 1000; factor["kb"] = 1024; factor["m"] = 1000000; factor["mb"] = 1048576
        factor["g"] = 1000000000; factor["gb"] = 1073741824
        printf "%.0f\n", number * (size in factor ? factor[size] : 1)
    }'
}

# maxmemory_of OPTION…: in bytes; 0 for no bound.
maxmemory_of() {
    while [ $# -gt 0 ]; do
        if [ "$1" = --maxmemory ]; then
            bytes "$2"
            return
        fi
        shift
    done
    echo 0
}

# need KIND MAXMEMORY: bytes that the container has to have. All of the data once more while the append-only file is rewritten or a
# replica copies (`state`, `node`), a third of it for what replicas have not read yet (`node`), an eighth for memory that can't be
# used for its pieces, and 24 MB for the program and what is read from files.
need() {
    awk -v kind="$1" -v data="$2" 'BEGIN {
        parts["cache"] = 1; parts["state"] = 2; parts["node"] = 2 + 1 / 3
        printf "%.0f\n", data * (parts[kind] + 1 / 8) + 24 * 1048576
    }'
}

# limit: the container's memory in bytes; nothing where it has no limit. CGROUP is for tests.
limit() {
    cat "${CGROUP:-/sys/fs/cgroup}/memory.max" "${CGROUP:-/sys/fs/cgroup}/memory/memory.limit_in_bytes" 2> /dev/null |
        awk '/^[0-9]+$/ && length($0) < 16 { print; exit }'
}

# room KIND MAXMEMORY: says so where the kernel may end the server before that refuses or evicts anything.
room() {
    there=$(limit)
    needed=$(need "$1" "$2")
    if [ -n "$there" ] && [ "$2" -gt 0 ] && [ "$there" -lt "$needed" ]; then
        echo "${0##*/}: maxmemory of $(($2 / 1048576)) MB needs a container of $((needed / 1048576 + 1)) MB, this one has" \
            "$((there / 1048576)) MB: the kernel may end the server before it refuses writes; raise the limit (REDIS_MEMORY," \
            "REDIS_CACHE_MEMORY) or lower maxmemory" >&2
    fi
}
