"""Pools of keys: values of `@type=keys`, separated by commas or line ends."""

from __future__ import annotations

from optimus_ops.secrets.value import Secret
from optimus_ops.secrets.value_types import SEPARATOR


def members(value: Secret | None) -> tuple[Secret, ...]:
    """Return the members of a pool, without surrounding white space."""
    words = SEPARATOR.split(value.reveal()) if value else ()
    return tuple(Secret(word.strip()) for word in words if word.strip())


def member_of(value: Secret | None, member: int | None) -> Secret | None:
    """Return a member of a pool by its number from 0, or the whole value for None; None if there is none."""
    if member is None:
        return value
    found = members(value)
    return found[member] if member < len(found) else None
