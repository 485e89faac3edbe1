"""`.env.example` as a schema: what each secret is, who makes it and who may read it.

Above a key stand comment lines that describe it and a line of decorators:

    # Password of the database's owner.
    # @generate=token(32) @consumers=postgres,migrations @required
    POSTGRES_PASSWORD=

| decorator | meaning |
|---|---|
| `@generate=token(N)`, `hex(N)` | the platform owns it: made of N random bytes when it is missing or empty |
| `@consumers=a,b` | the services whose folder of secrets holds it |
| `@redis-acl=a,b` | the services whose folder holds it as `users.acl`, hashed |
| `@required` | it must not be empty |
| `@pattern=REGEX` | a value must match all of it |

A file without any of the first three is no schema: other projects have a `.env.example`, too.

A name with `*` is a family with a member per tenant; it may be commented out, so that the file stays a valid
environment file: `# TENANT_*_API_KEY=`.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from optimus_ops.errors import Refused
from optimus_ops.secrets.dotenv import KEY, parse_assignment
from optimus_ops.secrets.value import Secret


@dataclass(frozen=True, slots=True)
class Generator:
    """How a platform-owned secret is made: `size` random bytes as URL-safe base64 (`token`) or as `hex`."""

    kind: Literal["token", "hex"]
    size: int

    def new(self) -> Secret:
        """Return a new value."""
        make = secrets.token_urlsafe if self.kind == "token" else secrets.token_hex
        return Secret(make(self.size))


FAMILY = re.compile(r"[A-Z][A-Z0-9_]*\*[A-Z0-9_]*")
COMMENTED_FAMILY = re.compile(r"#\s*(?P<assignment>[A-Z][A-Z0-9_]*\*[A-Z0-9_]*=.*)")
DECORATORS = re.compile(r"#\s*(?P<text>@.*)")
DECORATOR = re.compile(r"@(?P<name>[a-z-]+)(?:=(?P<value>\S+))?")
GENERATOR = re.compile(r"(?P<kind>token|hex)\((?P<size>[0-9]{1,3})\)")
SERVICE = re.compile(r"[a-z0-9][a-z0-9_-]*")
MARKER = re.compile(r"^[ \t]*#[ \t]*@(?:\S+[ \t]+@)*(?:generate|consumers|redis-acl)=", re.MULTILINE)
KNOWN = {"generate": True, "consumers": True, "redis-acl": True, "pattern": True, "required": False}
"""Decorators, and whether each takes a value."""
RANDOM_BYTES = range(16, 129)


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of one key, or of a family of keys.

    Args:
        key: the name; a family's has a `*`.
        redis_acl: services that get it as a Redis ACL file, hashed.
    """

    key: str
    description: tuple[str, ...] = ()
    generator: Generator | None = None
    consumers: tuple[str, ...] = ()
    redis_acl: tuple[str, ...] = ()
    required: bool = False
    pattern: re.Pattern[str] | None = None
    default: str = ""


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
        self.decorators.clear()


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
            _add_decorators(match["text"], pending, place)
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


def _add_decorators(text: str, pending: _Pending, place: str) -> None:
    for word in text.split():
        match = DECORATOR.fullmatch(word)
        if match is None:
            raise Refused(f"{place}: malformed decorator {word!r}", "write @name or @name=value, without spaces")
        name, value = match["name"], match["value"]
        if name not in KNOWN:
            raise Refused(f"{place}: unknown decorator @{name}", f"known: {', '.join(f'@{known}' for known in KNOWN)}")
        if KNOWN[name] != (value is not None):
            raise Refused(f"{place}: @{name} {'needs a value' if KNOWN[name] else 'takes no value'}")
        if name in pending.decorators:
            raise Refused(f"{place}: @{name} is defined twice")
        pending.decorators[name] = value or ""


def _entry(line: str, pending: _Pending, place: str) -> Entry:
    key, default = parse_assignment(line, place)
    if not (KEY.fullmatch(key) or FAMILY.fullmatch(key)):
        raise Refused(
            f"{place}: malformed name {key!r}", "a name is capital letters, digits and '_'; a family's has one '*'"
        )
    marks = pending.decorators
    if default and ("generate" in marks or "*" in key):
        raise Refused(
            f"{place}: {key} must be empty here", "a value in the template would be shared by every installation"
        )
    return Entry(
        key=key,
        description=tuple(pending.description),
        generator=_generator(marks["generate"], place) if "generate" in marks else None,
        consumers=_services(marks.get("consumers"), place),
        redis_acl=_services(marks.get("redis-acl"), place),
        required="required" in marks,
        pattern=_pattern(marks["pattern"], place) if "pattern" in marks else None,
        default=default.reveal(),
    )


def _generator(text: str, place: str) -> Generator:
    match = GENERATOR.fullmatch(text)
    if match is None or int(match["size"]) not in RANDOM_BYTES:
        limits = f"{RANDOM_BYTES.start} to {RANDOM_BYTES.stop - 1}"
        raise Refused(f"{place}: unknown generator {text!r}", f"write token(N) or hex(N), N = {limits} random bytes")
    kind: Literal["token", "hex"] = "token" if match["kind"] == "token" else "hex"
    return Generator(kind, int(match["size"]))


def _services(text: str | None, place: str) -> tuple[str, ...]:
    names = () if text is None else tuple(text.split(","))
    for name in names:
        if not SERVICE.fullmatch(name):
            raise Refused(
                f"{place}: malformed service name {name!r}", "write names separated by commas, without spaces"
            )
    if len(set(names)) != len(names):
        raise Refused(f"{place}: a service is named twice")
    return names


def _pattern(text: str, place: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise Refused(f"{place}: @pattern is not a regular expression: {error}") from None


def expand(schema: Schema, tenants: Iterable[str]) -> Mapping[str, Entry]:
    """Return every single key's entry: families get a member per tenant."""
    names = tuple(tenants)
    entries: dict[str, Entry] = {entry.key: entry for entry in schema.entries if "*" not in entry.key}
    explicit = frozenset(entries)
    for family in (entry for entry in schema.entries if "*" in entry.key):
        owners: dict[str, str] = {}
        for tenant in names:
            key = family.key.replace("*", tenant_part(tenant))
            if key in owners:
                raise Refused(f"tenants {owners[key]} and {tenant} would share {key}", "rename one of them")
            owners[key] = tenant
            if key not in explicit:
                entries[key] = member(family, key, tenant)
    return entries


def member(family: Entry, key: str, tenant: str) -> Entry:
    """Return a family's entry for one tenant."""
    return replace(family, key=key, description=tuple(line.replace("*", tenant) for line in family.description))


def tenant_part(tenant: str) -> str:
    """Return how a tenant's name stands in a key: `acme-labs` gives `ACME_LABS`."""
    return tenant.upper().replace("-", "_")
