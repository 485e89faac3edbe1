"""Values of a rotation: its phases, its two values, and what a probe says of one."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from optimus_ops.secrets.value import Secret


class Phase(Enum):
    """How far a rotation is. Each is reached only after it was verified, and written down before the next begins.

    Up to `GRACE` a rotation can be rolled back; once the old value is disabled, it only goes forward.
    """

    INTENT = "intent"  # it has an id, nothing has happened
    PENDING = "pending"  # the new value exists and is durable here
    INSTALLED = "installed"  # the target takes the old value and the new one
    TESTED = "tested"  # the new value is valid, a corrupted one is not
    CURRENT = "current"  # the file of secrets and the services' files have the new value
    CONVERGED = "converged"  # every replica reports the new value's fingerprint
    GRACE = "grace"  # both values were valid for as long as whoever holds the old one needs
    DISABLED = "disabled"  # the old value is refused
    FINISHED = "finished"
    ROLLED_BACK = "rolled back"

    @property
    def ended(self) -> bool:
        """Whether nothing is left to do."""
        return self in (Phase.FINISHED, Phase.ROLLED_BACK)


class Validity(Enum):
    """What a target says of a value.

    Only `VALID` lets a rotation go on; `UNKNOWN` (429, 5xx, no answer) is asked again.
    """

    VALID = "valid"
    INVALID = "invalid"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ValuePair:
    """The values between which a key is rotated.

    Args:
        rotation: its id, unique for ever (`rot-` and hexadecimal digits); targets name what they mint by it.
        member: which member of a pool of keys is replaced; None where the secret is one value.
    """

    key: str
    rotation: str
    old: Secret = field(repr=False)
    new: Secret = field(repr=False)
    member: int | None = None
