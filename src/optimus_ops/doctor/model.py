"""What `invoke doctor` reads, and what it gives the checks of subsystems."""

from __future__ import annotations

from dataclasses import dataclass

from optimus_ops.engine.port import Engine
from optimus_ops.model.stack import Stack
from optimus_ops.model.state import State
from optimus_ops.project.settings import Project


@dataclass(frozen=True, slots=True)
class DoctorContext:
    """What a subsystem's checks may read.

    Args:
        stack: what the Compose files want; None where they can't be read.
        engine: None where none answers.
    """

    project: Project
    stack: Stack | None
    state: State
    engine: Engine | None


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What the engine reports about itself.

    Args:
        folder: where it keeps images, containers and volumes.
        memory: of its host, in bytes.
        clock: its time minus this host's, in seconds.
    """

    version: str
    folder: str
    cpus: int
    memory: int
    clock: float
