"""What was there before the first step of a change: what an undo goes back to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from optimus_ops.engine.compose_port import Compose
from optimus_ops.engine.pins import Pins
from optimus_ops.engine.port import Engine
from optimus_ops.engine.rollback_images import KeptImages
from optimus_ops.model.stack import Stack
from optimus_ops.model.state import State


@dataclass(frozen=True)
class Baseline:
    """A stack before a change.

    Args:
        images: name -> id of the stack's images, and of those that are kept for a rollback.
        kept: the text of the file of images that are kept for a rollback; None where there is none.
    """

    state: State
    volumes: frozenset[str]
    networks: frozenset[str]
    images: Mapping[str, str]
    pins: Pins
    kept: str | None


def observe_baseline(engine: Engine, compose: Compose, stack: Stack) -> Baseline:
    """Observe what a change of a stack may have to restore."""
    project = compose.project.name
    kept = KeptImages.of(compose.project)
    return Baseline(
        state=engine.observe(project),
        volumes=frozenset(engine.volumes(project)),
        networks=frozenset(engine.networks(project)),
        images=engine.images([*stack.images, *kept.names(stack)]),
        pins=compose.pinned(),
        kept=kept.path.read_text("utf-8") if kept.path.is_file() else None,
    )
