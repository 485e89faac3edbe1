#!/bin/sh
# Starts redis-server or redis-sentinel as user redis; any other command runs as it is given.
set -eu

# Tells whether a configuration file, or one that it includes, says anything about protected mode.
settles_protection() {
    [ -f "$1" ] || return 1
    ! grep -Eiq '^[[:space:]]*"?protected-mode"?[[:space:]]' "$1" || return 0
    for included in $(sed -nE 's/^[[:space:]]*include[[:space:]]+"?([^"]*[^"[:space:]])"?[[:space:]]*$/\1/Ip' "$1"); do
        ! settles_protection "$included" || return 0
    done
    return 1
}

case "${1:-}" in
    -* | *.conf) set -- redis-server "$@" ;;
esac

# The public image is built without protected mode, which in a container refuses everybody; it stays as whoever starts it
# has set it, in whatever way. An option goes before a file, so it is only given where nothing else says anything.
if [ "$1" = redis-server ]; then
    case " $(echo "$*" | tr '[:upper:]' '[:lower:]') " in
        *" --protected-mode "* | *" --sentinel "* | *" --test-memory "* | *" - "*) ;;
        *) settles_protection "${2:-}" || set -- "$@" --protected-mode no ;;
    esac
fi

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
