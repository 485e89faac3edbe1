# What nodes and sentinels share; read by `.`, so that the functions see the caller's environment:
#   REDIS_SENTINEL_HOSTS   address:port of each sentinel, separated by commas
#   REDIS_SENTINEL_MASTER  the name that they watch the master under
#   REDIS_QUORUM           how many of them must agree

templates=${0%/*}
secrets=${SECRETS_DIR:-/run/secrets}

say() { echo "${0##*/}: $*" >&2; }

secret() { cat "$secrets/$1"; }

digest() { printf %s "$(secret "$1")" | sha256sum | cut -c1-64; }

# digests NAME: what stands behind the # of an ACL user. While a secret is rotated (invoke secrets.rotate) a second # follows.
digests() {
    printf %s "$(digest "$1")"
    [ ! -s "$secrets/$1_SECONDARY" ] || printf ' #%s' "$(digest "$1_SECONDARY")"
}

# ask ADDRESS:PORT WORD…: what a server answers to the operator, or nothing. A host that is gone doesn't refuse: it is silent.
ask() {
    peer=$1
    shift
    REDISCLI_AUTH=$(secret REDIS_OPERATOR_PASSWORD) timeout 1 \
        redis-cli -h "${peer%:*}" -p "${peer##*:}" --user operator --no-auth-warning "$@" 2> /dev/null || true
}

# One line per sentinel that answers: the master's address, its flags, how many replicas it has, the configuration's epoch, for
# how many seconds this sentinel has been up, and how many milliseconds ago the master answered it last.
sentinels_say() {
    for sentinel in $(echo "$REDIS_SENTINEL_HOSTS" | tr , ' '); do
        printf 'sentinel master %s\ninfo server\n' "$REDIS_SENTINEL_MASTER" | ask "$sentinel" | tr -d '\r' | awk -F: '
            $1 == "uptime_in_seconds" { uptime = $2 }
            NF > 1 { next }
            ++n % 2 { name = $1; next }
            { value[name] = $1 }
            END {
                if (value["ip"]) print value["ip"], value["flags"], value["num-slaves"], value["config-epoch"], uptime, \
                    value["last-ok-ping-reply"]
            }' &
    done
    wait
}

# agreed < LINES: the first word that a quorum of the lines begin with, or nothing.
agreed() { awk -v quorum="$REDIS_QUORUM" '{ if (++votes[$1] == quorum) { print $1; exit } }'; }

# fill TEMPLATE NAME=VALUE… > FILE: the template with each @NAME@ replaced. Values are words without `|`, `&` and `\`.
fill() {
    template=$1
    shift
    for pair in "$@"; do
        echo "s|@${pair%%=*}@|${pair#*=}|g"
    done | sed -f /dev/stdin "$templates/$template"
}
