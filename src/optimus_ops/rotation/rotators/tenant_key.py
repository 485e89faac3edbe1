"""API keys and tokens that callers show: both are valid while callers are given the new one."""

from __future__ import annotations

from optimus_ops.rotation.context import RotationContext
from optimus_ops.rotation.verified import VerifiedRotator

GRACE_SECONDS = 60.0
"""Services send each other the new one at once; callers outside need a longer time: --grace."""


def make_rotator(context: RotationContext) -> VerifiedRotator:
    """Return the rotator of a project."""
    return VerifiedRotator(context, "tenant-key", GRACE_SECONDS)
