"""Names of files in a diff: quoted as git quotes them, with its prefixes, and inside of the repository."""

from __future__ import annotations

import re

from optimus_ops.guardrails.diff_errors import BadDiff

ESCAPE = re.compile(rb'\\([abtnvfr"\\]|[0-7]{3})')
LETTERS = dict(zip(b'abtnvfr"\\', b'\a\b\t\n\v\f\r"\\', strict=True))
QUOTED = re.compile(rb'"(?:[^"\\]|\\.)*"')
PREFIX = re.compile(r"[abciow12]/")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
MOST_NAME = 4096


def header_paths(names: bytes, number: int) -> tuple[str, str]:
    """Return both names of `diff --git A B`; ("", "") where they can't be told apart, which later lines then tell."""
    if found := QUOTED.match(names):
        old, new = found[0], names[found.end() :].lstrip(b" ")
    elif names.endswith(b'"') and (quoted := names.find(b' "')) > 0:
        old, new = names[:quoted], names[quoted + 1 :]
    else:
        # Neither name is quoted: unless the file was renamed, which is told below, both are the same.
        middle = len(names) // 2
        old, new = names[:middle], names[middle + 1 :]
        if names[middle : middle + 1] != b" " or old.partition(b"/")[2] != new.partition(b"/")[2]:
            return "", ""
    # Prefixes tell the sides apart: the same name twice has none (`--no-prefix`).
    pair = (path_of(old, number, prefix=old != new), path_of(new, number, prefix=old != new))
    return pair[0] or "", pair[1] or ""


def path_of(name: bytes, number: int, *, prefix: bool = False) -> str | None:
    """Return the path that a diff names; None for /dev/null.

    Raises:
        BadDiff: it leads outside of the repository, or holds control characters.
    """
    if name == b"/dev/null" and prefix:
        return None
    raw = ESCAPE.sub(_unescaped, name[1:-1]) if len(name) > 1 and name[:1] == name[-1:] == b'"' else name
    try:
        path = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise _bad(number, raw, "its name is not UTF-8") from None
    path = path[2:] if prefix and PREFIX.match(path) else path
    if CONTROL.search(path):
        raise _bad(number, raw, "its name has control characters")
    if path.startswith("/") or "\\" in path or not path or len(path) > MOST_NAME:
        raise _bad(number, raw, "no path inside of the repository")
    if {"..", ".", "", ".git"} & set(path.split("/")):
        raise _bad(number, raw, "the path leads outside of the repository")
    return path


def _unescaped(found: re.Match[bytes]) -> bytes:
    code = found[1]
    return bytes([int(code, 8) & 0xFF]) if code.isdigit() else bytes([LETTERS[code[0]]])


def _bad(number: int, name: bytes, why: str) -> BadDiff:
    return BadDiff(number, f"{name[:200].decode('utf-8', 'backslashreplace')!r}: {why}")
