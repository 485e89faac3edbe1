#!/bin/bash
# Starts qryn and its store, and listens where Tempo (3200, OTLP 4318) and Loki (3100) do. Their arguments mean nothing here,
# but for `-health`. When one process ends, all end, so that whoever restarts containers restarts this one.
set -u

if [ "${1:-}" = -health ]; then
    exec 3<> /dev/tcp/127.0.0.1/3100 && printf 'GET /ready HTTP/1.0\r\n\r\n' >&3 && read -r line <&3
    [[ ${line:-} == *' 200 '* ]]
    exit
fi

data=/var/tempo
! mountpoint -q /loki || data=/loki
mkdir -p "$data/chdb" 2> /dev/null || { echo "entrypoint: user $(id -u) cannot write to $data" >&2; exit 1; }

# Whole days, since the store drops days: 36h is 2.
hours=${TRACES_RETENTION:-${LOGS_RETENTION:-48h}}
[[ $hours =~ ^[0-9]+h$ ]] || { echo "entrypoint: a retention is hours, as 48h, and not $hours" >&2; exit 1; }
days=$(((${hours%h} + 23) / 24))
export CLICKHOUSE_SERVER=127.0.0.1 PORT=3100 HOST=0.0.0.0 LOG_LEVEL=error LABELS_DAYS=$days SAMPLES_DAYS=$days \
    FASTIFY_METRICS=true

listens() { (: < "/dev/tcp/127.0.0.1/$1") 2> /dev/null; }

# start_and_wait PORT PROGRAM…: until it listens.
start_and_wait() {
    local port=$1
    shift
    "$@" > /dev/null &
    until listens "$port"; do
        kill -0 $! 2> /dev/null && [ -z "$stopping" ] || end
        sleep 0.1
    done
}

# The store ends last, and by itself, so that what qryn sent is kept.
end() {
    kill $(jobs -p) 2> /dev/null
    wait
    [ -n "$stopping" ]
    exit
}

stopping=
trap 'stopping=yes; kill $(jobs -p) 2> /dev/null' TERM INT
start_and_wait 8123 python3 -I -S /opt/qryn/bridge.py "$data/chdb"
start_and_wait 3100 node --max-old-space-size=128 /opt/qryn/node_modules/qryn/qryn_node.js
haproxy -q -db -f /opt/qryn/haproxy.cfg &
wait -n
end
