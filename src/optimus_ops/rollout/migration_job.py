"""What an undo has to know of migrations."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optimus_ops.rollout.containers import Containers


def schema_in_use(containers: Containers, image: str) -> bool:
    """Tell whether replicas of an image ran before the first step: an undo has to give them their schema back."""
    services = containers.stack.services.values()
    return any(containers.before.running(service.name) for service in services if service.image == image)
