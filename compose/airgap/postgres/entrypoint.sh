#!/bin/sh
# Makes the database cluster on first start, then runs the command as user postgres.
# POSTGRES_PASSWORD[_FILE], POSTGRES_USER[_FILE], POSTGRES_DB[_FILE], POSTGRES_INITDB_ARGS[_FILE], POSTGRES_HOST_AUTH_METHOD, PGDATA.
set -eu

fail() {
    echo "entrypoint: $1" >&2
    exit 1
}

# setting NAME DEFAULT: the variable, else the content of the file that NAME_FILE names, else the default.
setting() {
    eval "value=\${$1:-} file=\${$1_FILE:-}"
    if [ -n "$file" ]; then
        [ -z "$value" ] || fail "$1 and $1_FILE are both set: use one"
        [ -r "$file" ] || fail "$1_FILE: $file cannot be read"
        value=$(cat "$file")
    fi
    printf '%s' "${value:-$2}"
}

become_postgres() {
    mkdir -p "$PGDATA" /run/postgresql
    chown postgres:postgres "$PGDATA" /run/postgresql
    find "$PGDATA" ! -user postgres -exec chown postgres:postgres {} +
    chmod 0700 "$PGDATA"
    chmod 3777 /run/postgresql
    exec setpriv --reuid=postgres --regid=postgres --init-groups -- "$0" "$@"
}

run_init_script() {
    case "$1" in
        *.sh) if [ -x "$1" ]; then "$1"; else . "$1"; fi ;;
        *.sql) run_sql -f "$1" ;;
        *.sql.gz) gunzip -c "$1" | run_sql ;;
        *) echo "entrypoint: $1 is neither .sh nor .sql: left out" >&2 ;;
    esac
}

run_sql() {
    psql -q -v ON_ERROR_STOP=1 --no-psqlrc --no-password --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" "$@"
}

create_cluster() {
    password=$(setting POSTGRES_PASSWORD '')
    method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
    [ -n "$password" ] || [ "$method" = trust ] || fail "POSTGRES_PASSWORD (or POSTGRES_PASSWORD_FILE) is empty"
    password_file=$(mktemp)
    printf '%s\n' "$password" > "$password_file"
    # Arguments are a list of words by contract of the public image.
    # shellcheck disable=SC2086
    initdb --username="$POSTGRES_USER" --pwfile="$password_file" --encoding=UTF8 \
        --auth-local=trust --auth-host=scram-sha-256 $POSTGRES_INITDB_ARGS > /dev/null || fail "initdb failed"
    rm -f "$password_file"
    printf '\nhost all all all %s\n' "$method" >> "$PGDATA/pg_hba.conf"
}

run_init_scripts() {
    # Local socket only: nobody may connect before the scripts are done.
    PGPASSWORD='' pg_ctl -s -w -t 300 -o "-c listen_addresses=''" start || fail "the first start failed"
    [ "$POSTGRES_DB" = postgres ] || createdb --username "$POSTGRES_USER" --maintenance-db postgres "$POSTGRES_DB"
    for script in /docker-entrypoint-initdb.d/*; do
        [ ! -f "$script" ] || run_init_script "$script"
    done
    pg_ctl -s -w -m fast stop
}

# A cluster is made aside and moved in place as a whole, so that an interrupted first start leaves none that looks finished.
initialise() {
    final=$PGDATA
    aside=$final/.initialising
    if [ ! -e "$aside/.complete" ]; then
        rm -rf "$aside"
        [ -z "$(ls -A "$final")" ] || [ "$(ls -A "$final")" = lost+found ] || fail "$final holds files but no database"
        mkdir -m 0700 "$aside"
        export PGDATA="$aside"
        create_cluster
        run_init_scripts
        export PGDATA="$final"
        touch "$aside/.complete"
    fi
    find "$aside" -mindepth 1 -maxdepth 1 ! -name PG_VERSION ! -name .complete -exec mv -f -t "$final" {} +
    sync
    mv "$aside/PG_VERSION" "$final/PG_VERSION"
    rm -rf "$aside"
}

case "${1:-}" in
    -*) set -- postgres "$@" ;;
esac

if [ "$1" = postgres ]; then
    [ "$(id -u)" != 0 ] || become_postgres "$@"
    if [ ! -s "$PGDATA/PG_VERSION" ]; then
        POSTGRES_USER=$(setting POSTGRES_USER postgres)
        POSTGRES_DB=$(setting POSTGRES_DB "$POSTGRES_USER")
        POSTGRES_INITDB_ARGS=$(setting POSTGRES_INITDB_ARGS '')
        export POSTGRES_USER POSTGRES_DB
        initialise
    fi
    unset POSTGRES_PASSWORD
fi
exec "$@"
