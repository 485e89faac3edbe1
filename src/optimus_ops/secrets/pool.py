"""Pools of keys: values of `@type=keys`, separated by commas."""

from __future__ import annotations

from optimus_ops.secrets.value import Secret


def members(value: Secret | None) -> tuple[Secret, ...]:
    """Return the members of a pool, without surrounding white space."""
    words = value.reveal().split(",") if value else ()
    return tuple(Secret(word.strip()) for word in words if word.strip())


def member_of(value: Secret | None, member: int | None) -> Secret | None:
    """Return a member of a pool by its number from 0, or the whole value for None; None if there is none."""
    if member is None:
        return value
    found = members(value)
    return found[member] if member < len(found) else None


def with_member(value: Secret, member: int, new: Secret) -> Secret:
    """Return a pool in which a member is another one."""
    found = members(value)
    return Secret(",".join(each.reveal() for each in (*found[:member], new, *found[member + 1 :])))
