"""A workflow file as values, in GitHub's words (docs.github.com, "Workflow syntax for GitHub Actions")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

Combination: TypeAlias = Mapping[str, Any]
"""One combination of a matrix: name -> value."""


@dataclass(frozen=True)
class Matrix:
    """The matrix of a job.

    Args:
        combinations: those that the file itself decides; one empty combination for a job without a matrix.
        dynamic: the expression that decides them when the job's needs are done, or "".
    """

    combinations: tuple[Combination, ...] = ({},)
    dynamic: str = ""


@dataclass(frozen=True)
class JobStep:
    """One step of a job or of a composite action."""

    line: int
    name: str = ""
    uses: str = ""
    run: str = ""
    condition: str = ""
    continue_on_error: bool = False
    id: str = ""
    concurrent: str = ""
    """The key with which it runs beside others, or waits for them or ends them: `background`, `wait`, `parallel`…"""
    inputs: Mapping[str, str] = field(default_factory=dict)
    """What `with` gives the action."""

    @property
    def title(self) -> str:
        """The name that GitHub shows."""
        if self.name or not (self.uses or self.run):
            return self.name or self.concurrent
        return f"Run {self.uses}" if self.uses else f"Run {self.run.partition(chr(10))[0]}"


@dataclass(frozen=True)
class ServiceContainer:
    """A container that runs beside a job.

    Args:
        ports: as the file gives them, such as `5432:5432`.
        options: of `docker create`, as one text.
    """

    name: str
    image: str
    line: int
    environment: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    options: str = ""


@dataclass(frozen=True)
class CallInterface:
    """What callers give a reusable workflow: name -> whether it is required."""

    inputs: Mapping[str, bool] = field(default_factory=dict)
    secrets: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """A job: steps on a runner, or a call of a reusable workflow (`uses`)."""

    id: str
    line: int
    name: str = ""
    needs: tuple[str, ...] = ()
    need_lines: tuple[int, ...] = ()
    condition: str = ""
    runs_on: tuple[str, ...] = ()
    matrix: Matrix = Matrix()
    steps: tuple[JobStep, ...] = ()
    services: tuple[ServiceContainer, ...] = ()
    container: str = ""
    environment: str = ""
    uses: str = ""
    given: CallInterface = CallInterface()
    """What it gives the workflow that it calls."""
    inherits_secrets: bool = False
    timeout_minutes: str = ""
    concurrency: str = ""


@dataclass(frozen=True)
class Workflow:
    """A workflow file; `triggers` are the events of `on`, in the file's order."""

    path: Path
    name: str
    triggers: tuple[str, ...]
    jobs: tuple[Job, ...]
    call: CallInterface = CallInterface()

    @property
    def key(self) -> str:
        """The name that tasks take: that of the file, without its suffix."""
        return self.path.stem

    def job(self, job_id: str) -> Job:
        """Return a job by its id; raise `KeyError` where there is none."""
        return {job.id: job for job in self.jobs}[job_id]
