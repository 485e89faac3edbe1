"""Names of files in a diff: quoted as git quotes them, with its prefixes, and inside of the repository.

A name may hold any character, and bytes that are no UTF-8, which are kept as `os.fsdecode` keeps them. Whatever
`core.quotePath` says, git quotes a name with a quotation mark, a backslash or a control character.
"""

from __future__ import annotations

import re

from optimus_ops.guardrails.diff_errors import BadDiff

ESCAPE = re.compile(rb'\\([abtnvfr"\\]|[0-3][0-7]{2})')
LETTERS = dict(zip(b'abtnvfr"\\', b'\a\b\t\n\v\f\r"\\', strict=True))
QUOTED = re.compile(rb'"(?:[^"\\]|\\.)*"')
WELL_QUOTED = re.compile(rb'"(?:[^"\\]|' + ESCAPE.pattern + rb')*"')
NEVER_BARE = re.compile(rb'[\x00-\x1f\x7f"\\]')
PREFIX = re.compile(r"[abciow12]/")
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
    pair = (path_of(old, number) or "", path_of(new, number) or "")
    # Prefixes tell the sides apart, whatever they are: the same name twice has none (`--no-prefix`).
    bare = (without_prefix(pair[0]), without_prefix(pair[1]))
    return pair if pair[0] == pair[1] else bare


def without_prefix(path: str) -> str:
    """Return a path without its first part."""
    return path.partition("/")[2]


def path_of(name: bytes, number: int, *, prefix: bool = False) -> str | None:
    """Return the path that a diff names; None for /dev/null.

    Raises:
        BadDiff: it leads outside of the repository, or is not quoted as git quotes it.
    """
    if name == b"/dev/null" and prefix:
        return None
    raw = ESCAPE.sub(_unescaped, name[1:-1]) if WELL_QUOTED.fullmatch(name) else name
    if raw is name and NEVER_BARE.search(name):
        raise _bad(number, raw, "git quotes such a name in another way")
    path = raw.decode("utf-8", "surrogateescape")
    path = path[2:] if prefix and PREFIX.match(path) else path
    if path.startswith("/") or "\0" in path or not path or len(path) > MOST_NAME:
        raise _bad(number, raw, "no path inside of the repository")
    if {"..", ".", "", ".git"} & set(path.split("/")):
        raise _bad(number, raw, "the path leads outside of the repository")
    return path


def _unescaped(found: re.Match[bytes]) -> bytes:
    code = found[1]
    return bytes([int(code, 8) & 0xFF]) if code.isdigit() else bytes([LETTERS[code[0]]])


def _bad(number: int, name: bytes, why: str) -> BadDiff:
    return BadDiff(number, f"{name[:200].decode('utf-8', 'backslashreplace')!r}: {why}")
