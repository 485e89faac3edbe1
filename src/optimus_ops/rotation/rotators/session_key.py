"""Keys that sign sessions: the old one is valid until the last session that it signed has ended."""

from __future__ import annotations

from optimus_ops.rotation.context import RotationContext
from optimus_ops.rotation.verified import VerifiedRotator

GRACE_SECONDS = 960.0
"""A session lasts a quarter of an hour, and clocks may differ by half a minute."""


def make_rotator(context: RotationContext) -> VerifiedRotator:
    """Return the rotator of a project."""
    return VerifiedRotator(context, "session-key", GRACE_SECONDS)
