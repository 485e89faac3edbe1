"""`.env.example` as a schema: what each secret is, who makes it, who may read it, and where it is needed.

Above a key stand comment lines that describe it and lines of decorators:

    # Password of the database's owner.
    # @generate=token(32) @consumers=postgres,migrations @required @max-age=365d
    POSTGRES_PASSWORD=

| decorator | meaning |
|---|---|
| `@generate=token(N)`, `hex(N)` | the platform owns it: made of N random bytes when it is missing or empty |
| `@consumers=a,b` | the services whose folder of secrets holds it |
| `@redis-acl=a,b` | the services whose folder holds it as `users.acl`, hashed |
| `@operator` | no service gets it: it is for commands of `invoke secrets.run` |
| `@required` | it must not be empty |
| `@required-in=a,b` | it must not be empty in these environments |
| `@environments=a,b` | only these environments use it |
| `@type=T` | its form: one of `value_types` |
| `@pattern=REGEX` | a value must match all of it |
| `@max-age=90d` | after so many days it should have been replaced |
| `@rotator=NAME` | what `invoke secrets.rotate` changes it by |

A file without any of `@generate`, `@consumers`, `@redis-acl` is no schema: other projects have a `.env.example`, too.

A name with `*` is a family with a member per tenant; it may be commented out, so that the file stays a valid
environment file: `# TENANT_*_API_KEY=`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from optimus_ops.errors import Refused
from optimus_ops.secrets.decorators import make_entry, parse_decorators
from optimus_ops.secrets.dotenv import KEY, parse_assignment
from optimus_ops.secrets.entry import Entry

FAMILY = re.compile(r"[A-Z][A-Z0-9_]*\*[A-Z0-9_]*")
COMMENTED_FAMILY = re.compile(r"#\s*(?P<assignment>[A-Z][A-Z0-9_]*\*[A-Z0-9_]*=.*)")
DECORATORS = re.compile(r"#\s*(?P<text>@.*)")
MARKER = re.compile(r"^[ \t]*#[ \t]*@(?:\S+[ \t]+@)*(?:generate|consumers|redis-acl)=", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Schema:
    """All entries, in the order of the template."""

    source: str
    entries: tuple[Entry, ...]


@dataclass
class _Pending:
    """The comment lines since the last key or empty line."""

    description: list[str]
    decorators: dict[str, str]
    since: int = 0

    def clear(self) -> None:
        self.description.clear()
        self.decorators = {}


def describes_secrets(text: str) -> bool:
    """Tell whether a `.env.example` is a schema, and not any project's list of variables."""
    return MARKER.search(text) is not None


def parse_schema(text: str, source: str) -> Schema:
    """Read a template."""
    entries: dict[str, Entry] = {}
    pending = _Pending([], {})
    for number, line in enumerate((raw.strip() for raw in text.split("\n")), start=1):
        place = f"{source}, line {number}"
        commented = COMMENTED_FAMILY.fullmatch(line)
        if match := DECORATORS.fullmatch(line):
            pending.decorators = parse_decorators(match["text"], pending.decorators, place)
            pending.since = number
        elif not line:
            _refuse_dangling(pending, source)
            pending.clear()
        elif line.startswith("#") and commented is None:
            pending.description.append(line.removeprefix("#").strip())
        else:
            entry = _entry(commented["assignment"] if commented else line, pending, place)
            if entry.key in entries:
                raise Refused(f"{place}: {entry.key} is defined twice")
            entries[entry.key] = entry
            pending.clear()
    _refuse_dangling(pending, source)
    return Schema(source, tuple(entries.values()))


def _refuse_dangling(pending: _Pending, source: str) -> None:
    if pending.decorators:
        raise Refused(f"{source}, line {pending.since}: decorators without a key", "write KEY= on the line below them")


def _entry(line: str, pending: _Pending, place: str) -> Entry:
    key, default = parse_assignment(line, place)
    if not (KEY.fullmatch(key) or FAMILY.fullmatch(key)):
        raise Refused(
            f"{place}: malformed name {key!r}", "a name is capital letters, digits and '_'; a family's has one '*'"
        )
    return make_entry(key, default.reveal(), tuple(pending.description), pending.decorators, place)
