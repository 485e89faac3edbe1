#!/bin/sh
# start.sh FILE [OPTION…]: runs redis-server with a configuration of this folder, or with one given by its whole path.
# Active defragmentation needs the jemalloc that comes with Redis' own sources. The public image has it; builds of Linux
# distributions use the system's and refuse to start with `activedefrag yes`, so they run without.
set -eu
. "${0%/*}/memory.sh"

# Tells by exit code: with --daemonize the parent ends with 0 once the configuration was accepted, with 1 if it was not. The
# child then finds no folder for its only socket, and ends.
can_defragment() {
    redis-server --activedefrag yes --daemonize yes --port 0 --unixsocket /nonexistent/probe --save '' --logfile /dev/null \
        > /dev/null 2>&1
}

case "$1" in
    /*) configuration=$1 kind=node ;;
    cache.conf) configuration=/etc/optimus/redis/$1 kind=cache ;;
    *) configuration=/etc/optimus/redis/$1 kind=state ;;
esac
shift
room "$kind" "$(maxmemory_of "$@")"
if can_defragment; then
    set -- "$@" --activedefrag yes
else
    echo "start.sh: this build of Redis can't defragment memory while it runs (activedefrag): going on without" >&2
fi
exec redis-server "$configuration" "$@"
