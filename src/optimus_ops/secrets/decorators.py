"""Decorators of a secret in `.env.example`: `@name` or `@name=value`, and the entry that they make."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from optimus_ops.errors import Refused
from optimus_ops.secrets.entry import Entry, Generator
from optimus_ops.secrets.value_types import TYPES, ValueType

DECORATOR = re.compile(r"@(?P<name>[a-z-]+)(?:=(?P<value>\S+))?")
GENERATOR = re.compile(r"(?P<kind>token|hex)\((?P<size>[0-9]{1,3})\)")
NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
DAYS = re.compile(r"(?P<days>[1-9][0-9]{0,3})d")
RANDOM_BYTES = range(16, 129)
KNOWN = dict.fromkeys(
    ("generate", "consumers", "redis-acl", "required-in", "environments", "type", "pattern", "max-age", "rotator"), True
) | dict.fromkeys(("operator", "required"), False)
"""Decorators, and whether each takes a value."""
EXCLUSIVE = (
    ("operator", "consumers", "a key of the operator goes to no service"),
    ("operator", "redis-acl", "a key of the operator goes to no service"),
    ("required", "required-in", "what is required everywhere is required there"),
)


def parse_decorators(text: str, known: Mapping[str, str], place: str) -> dict[str, str]:
    """Return name -> value ("" where it takes none) of a line of decorators, those that are `known` already first."""
    found = dict(known)
    for word in text.split():
        match = DECORATOR.fullmatch(word)
        if match is None:
            raise Refused(f"{place}: malformed decorator {word!r}", "write @name or @name=value, without spaces")
        name, value = match["name"], match["value"]
        if name not in KNOWN:
            raise Refused(f"{place}: unknown decorator @{name}", f"known: {', '.join(f'@{known}' for known in KNOWN)}")
        if KNOWN[name] != (value is not None):
            raise Refused(f"{place}: @{name} {'needs a value' if KNOWN[name] else 'takes no value'}")
        if name in found:
            raise Refused(f"{place}: @{name} is defined twice")
        found[name] = value or ""
    return found


def make_entry(key: str, default: str, description: tuple[str, ...], marks: Mapping[str, str], place: str) -> Entry:
    """Return the entry of a key with these decorators.

    Raises:
        Refused: a decorator's value is malformed, or two of them contradict each other.
    """
    for first, second, reason in EXCLUSIVE:
        if first in marks and second in marks:
            raise Refused(f"{place}: @{first} and @{second} exclude each other: {reason}")
    if default and ("generate" in marks or "*" in key):
        raise Refused(
            f"{place}: {key} must be empty here", "a value in the template would be shared by every installation"
        )
    kind = _type(marks.get("type"), place)
    if "generate" in marks and kind not in {"text", "key"}:
        raise Refused(f"{place}: @generate makes a text, and no @type={kind}")
    environments = _names(marks.get("environments"), "environment", place)
    required_in = _names(marks.get("required-in"), "environment", place)
    if environments and (elsewhere := [name for name in required_in if name not in environments]):
        raise Refused(f"{place}: @required-in={elsewhere[0]} is none of its @environments")
    return Entry(
        key=key,
        description=description,
        generator=_generator(marks["generate"], place) if "generate" in marks else None,
        consumers=_names(marks.get("consumers"), "service", place),
        redis_acl=_names(marks.get("redis-acl"), "service", place),
        operator="operator" in marks,
        required="required" in marks,
        required_in=required_in,
        environments=environments,
        type=kind,
        pattern=_pattern(marks["pattern"], place) if "pattern" in marks else None,
        max_age=_days(marks["max-age"], place) if "max-age" in marks else None,
        default=default,
        rotator=_rotator(marks["rotator"], place) if "rotator" in marks else "",
    )


def _type(text: str | None, place: str) -> ValueType:
    found = [kind for kind in TYPES if kind == (text or "text")]
    if not found:
        raise Refused(f"{place}: unknown type {text!r}", f"types: {', '.join(TYPES)}")
    return found[0]


def _rotator(text: str, place: str) -> str:
    if not NAME.fullmatch(text):
        raise Refused(f"{place}: malformed rotator name {text!r}", "write it as in @rotator=tenant-key")
    return text


def _days(text: str, place: str) -> int:
    match = DAYS.fullmatch(text)
    if match is None:
        raise Refused(f"{place}: @max-age={text} is no number of days", "write it as in @max-age=90d")
    return int(match["days"])


def _generator(text: str, place: str) -> Generator:
    match = GENERATOR.fullmatch(text)
    if match is None or int(match["size"]) not in RANDOM_BYTES:
        limits = f"{RANDOM_BYTES.start} to {RANDOM_BYTES.stop - 1}"
        raise Refused(f"{place}: unknown generator {text!r}", f"write token(N) or hex(N), N = {limits} random bytes")
    kind: Literal["token", "hex"] = "token" if match["kind"] == "token" else "hex"
    return Generator(kind, int(match["size"]))


def _names(text: str | None, noun: str, place: str) -> tuple[str, ...]:
    names = () if text is None else tuple(text.split(","))
    for name in names:
        if not NAME.fullmatch(name):
            raise Refused(f"{place}: malformed {noun} name {name!r}", "write names separated by commas, without spaces")
    if len(set(names)) != len(names):
        raise Refused(f"{place}: the same {noun} is named twice")
    return names


def _pattern(text: str, place: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise Refused(f"{place}: @pattern is not a regular expression: {error}") from None
