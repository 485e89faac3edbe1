"""The generators there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optimus_ops.loadtest.engines import k6
from optimus_ops.loadtest.engines.locust import locust_command
from optimus_ops.loadtest.generator.spec import GeneratorSpec
from optimus_ops.loadtest.model import LoadPlatform

ENGINES = ("locust", "k6")


@dataclass(frozen=True, slots=True)
class WorkerStart:
    """How a worker is started.

    Args:
        command: `{records}` in it stands for the descriptor that it writes records to.
        document: what it is told by its private file.
        environ: variables of its own.
    """

    command: Sequence[str]
    document: Mapping[str, Any]
    environ: Mapping[str, str]


def worker_start(engine: str, spec: GeneratorSpec, platform: LoadPlatform, folder: Path) -> WorkerStart:
    """Return how an engine's worker is started; `folder` is private, and gone after the run.

    Raises:
        MissingPrerequisite: the engine is not installed.
    """
    if engine == "k6":
        return WorkerStart(k6.k6_command(platform.k6_script), k6.k6_document(spec, folder), k6.ENVIRON)
    return WorkerStart(locust_command(spec, platform.locustfile), spec.document(), {})
