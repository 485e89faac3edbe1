# What nodes and sentinels share; read by `.`, so that the functions see the caller's environment:
#   REDIS_SENTINEL_HOSTS   address:port of each sentinel, separated by commas
#   REDIS_SENTINEL_MASTER  the name that they watch the master under
#   REDIS_QUORUM           how many of them must agree

templates=${0%/*}
secrets=${SECRETS_DIR:-/run/secrets}

say() { echo "${0##*/}: $*" >&2; }

secret() { cat "$secrets/$1"; }

# digests NAME: what stands behind the # of an ACL user, of each value that is valid: while a secret is rotated (invoke
# secrets.rotate) the file NAME_SECONDARY names both, a value a line. Whichever of the two files changes first, none is left out.
digests() {
    { secret "$1" && echo && cat "$secrets/$1_SECONDARY" 2> /dev/null && echo; } | awk '$0 != "" && !seen[$0]++' \
        | while IFS= read -r value; do
            printf %s "$value" | sha256sum
        done | awk '{ printf "%s%s", (NR > 1 ? " #" : ""), substr($0, 1, 64) }'
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
