"""Secrets that calls are signed with: both are valid while whoever signs them is given the new one."""

from __future__ import annotations

from optimus_ops.rotation.context import RotationContext
from optimus_ops.rotation.verified import VerifiedRotator

GRACE_SECONDS = 300.0
"""Longer than a call that failed is sent again; then the counter of the old one has to stand still, too."""


def make_rotator(context: RotationContext) -> VerifiedRotator:
    """Return the rotator of a project."""
    return VerifiedRotator(context, "signing-secret", GRACE_SECONDS)
