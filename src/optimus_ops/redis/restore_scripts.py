"""Shell scripts of a restore, run beside a server's data ($1); each may run again after it was killed."""

STAGE = """
cd "$1"; rm -rf incoming
free=$(df -Pk . | awk 'NR == 2 { print $4 }')
[ "$free" -gt "$2" ] || { echo "its volume has $free KB free, $2 KB are needed" >&2; exit 1; }
mkdir -m 700 incoming; cd incoming; tar -xof -
[ "$(id -u)" != 0 ] || chown -R "$(stat -c %u:%g ..)" .
checker=$3; file=$4; shift 4
"$checker" "$file" >&2
sha256sum "$@"
"""
UNSTAGE = 'rm -rf "$1/incoming"'
MOVE_ASIDE = """
cd "$1"; [ ! -e "$2/.complete" ] || exit 0
[ -d "$2" ] || mkdir -m 700 "$2"
[ "$(id -u)" != 0 ] || chown "$(stat -c %u:%g .)" "$2"
aside=$2; shift 2
for name in "$@"; do [ ! -e "$name" ] || mv "$name" "$aside/"; done
touch "$aside/.complete"
"""
ACTIVATE = """
cd "$1"; shift
# What stands there now, after all was moved aside, is what a killed restore activated in part.
rm -rf "$@"
for path in incoming/*; do mv "$path" .; done
rmdir incoming
"""
BRING_BACK = """
cd "$1"; [ -d "$2" ] || exit 0
aside=$2; shift 2
# Only when all was moved is what stands there now the backup's.
[ ! -e "$aside/.complete" ] || rm -rf "$@" "$aside/.complete"
for name in "$@"; do [ ! -e "$aside/$name" ] || mv "$aside/$name" .; done
rmdir "$aside"
"""
FORGET = 'cd "$1"; for name in replaced-*; do [ ! -d "$name" ] || [ "$name" = "$2" ] || rm -rf "$name"; done'
