#!/bin/sh
# Brings the owner's password in line with its secret, then starts PostgreSQL as the image does.
# A volume keeps the password of its first start: a new checkout on an old volume, or a secret that changed while the
# database was down, would lock everyone out.
set -eu

configuration=/etc/optimus/postgres/postgresql.conf

# Single-user mode: nobody can connect meanwhile. The statement comes on standard input and is never logged, so that the
# password stands in no list of arguments and no log.
align_password() {
    quoted=$(sed "s/'/''/g" "$POSTGRES_PASSWORD_FILE")
    printf "ALTER ROLE \"%s\" PASSWORD '%s';\n" "$POSTGRES_USER" "$quoted" \
        | postgres --single -D "$PGDATA" -c "config_file=$configuration" -c log_statement=none \
            -c log_min_duration_statement=-1 -c log_min_error_statement=panic -c log_min_messages=fatal \
            "$POSTGRES_DB" > /dev/null
}

if [ -s "$PGDATA/PG_VERSION" ]; then
    align_password || echo "start.sh: the password could not be brought in line with its secret" >&2
elif command -v docker-ensure-initdb.sh > /dev/null; then
    docker-ensure-initdb.sh postgres -c "config_file=$configuration"
fi
# The public image would hand the password on to the server, in its environment. Only a first start needs it.
if [ -s "$PGDATA/PG_VERSION" ]; then
    unset POSTGRES_PASSWORD_FILE
fi
exec docker-entrypoint.sh postgres -c "config_file=$configuration"
