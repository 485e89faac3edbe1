#!/bin/sh
# Starts redis-server or redis-sentinel as user redis; any other command runs as it is given.
set -eu

case "${1:-}" in
    -* | *.conf) set -- redis-server "$@" ;;
esac

case "$1" in
    redis-server | redis-sentinel)
        # Files of Redis are for Redis alone unless the caller chose a mask.
        [ "$(umask)" != 0022 ] || umask 0077
        if [ "$(id -u)" = 0 ]; then
            find /data ! -user redis -exec chown redis:redis {} +
            exec setpriv --reuid=redis --regid=redis --init-groups -- "$@"
        fi
        ;;
esac
exec "$@"
