"""Pulling images from their registries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimus_ops.errors import OpsError
from optimus_ops.system.process import CommandFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from optimus_ops.engine.port import Engine

PULL_SECONDS = 1800.0


def pull(engine: Engine, images: Iterable[str], note: Callable[[str], None]) -> None:
    """Pull images, one after the other.

    Not through Compose, which pulls by the policy that the files have and not as was decided.

    Raises:
        OpsError: one can't be had.
    """
    for image in images:
        note(image)
        try:
            engine.pull(image, seconds=PULL_SECONDS)
        except CommandFailed as error:
            said = error.completed.stderr.strip() or error.completed.stdout.strip()
            raise OpsError(
                f"{image} can't be pulled: {said}",
                "is its registry up, and the name right? a private one: docker login",
            ) from error
