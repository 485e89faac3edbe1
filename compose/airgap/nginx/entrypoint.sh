#!/bin/sh
# Fills /etc/nginx/templates/*.template from the environment, runs /docker-entrypoint.d/*.sh, then starts the command.
set -eu

fill_templates() {
    source_dir=${NGINX_ENVSUBST_TEMPLATE_DIR:-/etc/nginx/templates}
    target_dir=${NGINX_ENVSUBST_OUTPUT_DIR:-/etc/nginx/conf.d}
    [ -d "$source_dir" ] || return 0
    # Only variables that exist are replaced: $host and its like belong to nginx.
    # shellcheck disable=SC2016
    known=$(awk 'BEGIN { for (name in ENVIRON) if (name ~ /^[A-Za-z_][A-Za-z0-9_]*$/) printf "${%s} ", name }')
    find "$source_dir" -follow -type f -name '*.template' | sort | while read -r template; do
        relative=${template#"$source_dir"/}
        target=$target_dir/${relative%.template}
        if ! mkdir -p "$(dirname "$target")" || ! envsubst "$known" < "$template" > "$target"; then
            echo "entrypoint: $target cannot be written (mount a tmpfs there)" >&2
            return 1
        fi
    done
}

case "${1:-}" in
    -*) set -- nginx "$@" ;;
esac

if [ "$1" = nginx ]; then
    fill_templates
    for script in /docker-entrypoint.d/*.sh; do
        [ ! -x "$script" ] || "$script"
    done
fi
exec "$@"
