#!/bin/bash
# Starts what does Alloy's work: rotel takes traces (OTLP, 4317 gRPC and 4318 HTTP) to Tempo, Prometheus as an agent scrapes
# metrics (12345: /-/ready, /metrics), syslog-ng takes logs to Loki. Alloy's arguments and files mean nothing here. When one
# process ends, all end, so that whoever restarts containers restarts this one.
set -u

data=/data
: "${COMPOSE_PROJECT:=optimus}"
export COMPOSE_PROJECT HOME=/tmp
[ "${TRACES_KEPT:-all}" = all ] || echo "entrypoint: this stand-in can't choose traces by their tail: it keeps all" >&2
mkdir -p "$data/prometheus" "$data/syslog-ng" 2> /dev/null || { echo "entrypoint: user $(id -u) cannot write to $data" >&2; exit 1; }
[ -d /var/lib/optimus/journal ] || echo "entrypoint: /var/lib/optimus/journal is not mounted: no changes are read" >&2

# reread_missed PID: syslog-ng never looks again at a file that came between its first two looks at a new folder (4.8.1), or that
# it could not open. A file that is not open at two looks is a missed one: it is told to begin anew, once for each.
reread_missed() {
    local before= told= now kept again open file
    while sleep 5; do
        now= kept= again= open=$(readlink /proc/"$1"/fd/* 2> /dev/null)
        for file in /var/lib/docker/containers/*/*-json.log; do
            [[ -r $file && $open != *"$file"* ]] || continue
            if [[ $told == *"$file"* ]]; then
                kept+="$file "
            elif [[ $before == *"$file"* ]]; then
                kept+="$file " again=yes
            else
                now+="$file "
            fi
        done
        before=$now told=$kept
        [ -z "$again" ] || kill -HUP "$1"
    done
}

stopping=
trap 'stopping=yes; kill $(jobs -p) 2> /dev/null' TERM INT

rotel-agent --log-format json start --otlp-grpc-endpoint 0.0.0.0:4317 --otlp-http-endpoint 0.0.0.0:4318 \
    --exporter otlp --otlp-exporter-endpoint http://tempo:4318 --otlp-exporter-protocol http \
    --otlp-exporter-retry-initial-backoff 1s --otlp-exporter-retry-max-backoff 10s \
    --otlp-exporter-retry-max-elapsed-time 120s --batch-timeout 100ms --pid-file /tmp/rotel.pid &
prometheus --agent --config.file=/etc/standin/prometheus.yml --storage.agent.path="$data/prometheus" \
    --storage.agent.retention.max-time=1h --web.listen-address=0.0.0.0:12345 \
    --enable-feature=exemplar-storage --log.level=warn &
syslog-ng --foreground --no-caps --stderr --cfgfile=/etc/standin/syslog-ng.conf --pidfile=/tmp/syslog-ng.pid \
    --control=/tmp/syslog-ng.ctl --persist-file="$data/syslog-ng/persist" &
reread_missed $! &
wait -n
kill $(jobs -p) 2> /dev/null
wait
[ -n "$stopping" ]
