"""What is known of a secret: who makes it and reads it, its form, where it is needed, how old it may become."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from optimus_ops.secrets.value import Secret
from optimus_ops.secrets.value_types import ValueType


@dataclass(frozen=True, slots=True)
class Generator:
    """How a platform-owned secret is made: `size` random bytes as URL-safe base64 (`token`) or as `hex`."""

    kind: Literal["token", "hex"]
    size: int

    def new(self) -> Secret:
        """Return a new value."""
        make = secrets.token_urlsafe if self.kind == "token" else secrets.token_hex
        return Secret(make(self.size))


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of one key, or of a family of keys.

    Args:
        key: the name; a family's has a `*`.
        redis_acl: services that get it as a Redis ACL file, hashed.
        operator: no service gets it; it is there for commands on the operator's machine.
        environments: where it is used; empty: everywhere.
        required_in: where it must not be empty, beside everywhere if `required`.
        max_age: days after which it should have been replaced; None: never.
        rotator: name of what rotates it; "" for none.
        companion_of: key of which it is the second valid value while that is rotated; "" for none.
    """

    key: str
    description: tuple[str, ...] = ()
    generator: Generator | None = None
    consumers: tuple[str, ...] = ()
    redis_acl: tuple[str, ...] = ()
    operator: bool = False
    required: bool = False
    required_in: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    type: ValueType = "text"
    pattern: re.Pattern[str] | None = None
    max_age: int | None = None
    default: str = ""
    rotator: str = ""
    companion_of: str = ""

    @property
    def readers(self) -> tuple[str, ...]:
        """The services that get it, in whatever form."""
        return tuple(dict.fromkeys((*self.consumers, *self.redis_acl)))


SENT_ONLY = frozenset({"postgres-login", "provider-key", "assisted"})
"""Rotators of what services only send: its target accepts two values, and services need one."""


def secondary(key: str) -> str:
    """Return the key of the second valid value that a key has while it is rotated."""
    return f"{key}_SECONDARY"


def with_companions(entries: Mapping[str, Entry]) -> Mapping[str, Entry]:
    """Return entries with one for the second value of each key that services verify and a rotator changes.

    It goes to the same readers, and may always be empty.
    """
    found: dict[str, Entry] = {}
    for key, entry in entries.items():
        found[key] = entry
        if entry.rotator and entry.rotator not in SENT_ONLY:
            found[secondary(key)] = replace(
                entry,
                key=secondary(key),
                description=(
                    f"What else is valid while {key} is rotated, a value a line; it comes and goes by itself.",
                ),
                generator=None,
                redis_acl=(),
                type="text",
                pattern=None,
                required=False,
                required_in=(),
                max_age=None,
                rotator="",
                companion_of=key,
            )
    return found


def in_environment(entries: Mapping[str, Entry], environment: str) -> Mapping[str, Entry]:
    """Return the entries that an environment uses, as they are required there; all of them for ""."""
    if not environment:
        return entries
    return {
        key: replace(entry, required=entry.required or environment in entry.required_in)
        for key, entry in entries.items()
        if not entry.environments or environment in entry.environments
    }


def environments_of(entries: Mapping[str, Entry]) -> frozenset[str]:
    """Return the environments that the entries name."""
    return frozenset(name for entry in entries.values() for name in (*entry.environments, *entry.required_in))
