"""The port to Docker Compose: a project's files and pins, and what is done with them. Adapter: `docker_compose`."""

from __future__ import annotations

import contextlib
import difflib
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

from optimus_ops.engine.pins import Pins, read_pins
from optimus_ops.errors import Refused
from optimus_ops.model.merged_model import parse_stack
from optimus_ops.model.stack import Stack
from optimus_ops.project.settings import Project
from optimus_ops.system.process import Completed, OnLine

Existing = Literal["keep", "replace"]


@dataclass(frozen=True)
class Compose(ABC):
    """A project's files (base and overlays, in order), and what Docker Compose does with them.

    `pins` replaces those that are kept for the project.
    """

    project: Project
    files: tuple[Path, ...]
    pins: Pins | None = None

    @property
    def pins_file(self) -> Path:
        """Where the project's pins are kept."""
        return self.project.state / "pins" / f"{self.project.name}.yml"

    def pinned(self) -> Pins:
        """Return the pins that the files are read with."""
        return read_pins(self.pins_file) if self.pins is None else self.pins

    def with_pins(self, pins: Pins) -> Self:
        """Return the same project with other pins."""
        return replace(self, pins=pins)

    def with_files(self, files: Iterable[Path]) -> Self:
        """Return the same project with further files."""
        return replace(self, files=(*self.files, *files))

    def stack(self) -> Stack:
        """Return the stack that the files describe."""
        return self.stack_of(self.document())

    def stack_of(self, document: Mapping[str, Any]) -> Stack:
        """Return the stack of a merged model; refuse it where the settings name a service that isn't in it."""
        services = document.get("services") or {}
        for role in sorted({"balancer", "migrations"} & self.project.stated):
            check_named(role, str(getattr(self.project, role)), services)
        return parse_stack(
            document,
            balancer=self.project.balancer,
            migrations=self.project.migrations,
            dockerfiles=_dockerfiles(services),
        )

    @property
    @abstractmethod
    def environ(self) -> Mapping[str, str]:
        """The environment in which the files are read."""

    @abstractmethod
    def with_variables(self, variables: Mapping[str, str]) -> Self:
        """Return the same project with further variables in its environment."""

    @abstractmethod
    def document(self) -> Mapping[str, Any]:
        """Return the merged model."""

    @abstractmethod
    def services(self) -> tuple[str, ...] | None:
        """Return the names of all services, also of profiles that are off; None where the files can't be read."""

    @abstractmethod
    def hashes(self, document: Mapping[str, Any]) -> Mapping[str, str]:
        """Return the digest of each service's definition in a merged model, as Compose labels containers with it."""

    @abstractmethod
    def values(self, variables: Collection[str]) -> Mapping[str, str]:
        """Return variables as Compose sees them, from its environment and its `.env`; "" for one without a value."""

    @abstractmethod
    def create(self, counts: Mapping[str, int], others: Mapping[str, int], *, on_line: OnLine | None = None) -> None:
        """Create containers until each service has its count, running or not; nothing is started or replaced.

        `others` are the counts of the services that these depend on: without them, Compose would bring those back to
        the number in the files.
        """

    @abstractmethod
    def up(self, counts: Mapping[str, int], *, existing: Existing = "keep", on_line: OnLine | None = None) -> None:
        """Create and start containers until each service has its count.

        Those that exist are kept, or replaced where their configuration changed.
        """

    @abstractmethod
    def run_job(
        self, service: str, command: Sequence[str], *, label: str, seconds: float, on_line: OnLine | None = None
    ) -> Completed:
        """Run a command in a container of its own of a service, which is removed however it ends.

        Ended containers of earlier runs with the same label are removed first. Raises `DeadlinePassed` if it does not
        end in `seconds`; `on_line` gets standard error.
        """

    @abstractmethod
    def build(
        self,
        services: Sequence[str],
        *,
        override: Mapping[str, Any],
        arguments: Sequence[str],
        environ: Mapping[str, str],
        seconds: float,
        on_line: OnLine,
    ) -> None:
        """Build the images of services; raise `CommandFailed` where it fails.

        `override` is one more Compose file; `arguments` names build arguments that are taken from the environment.
        """


def _dockerfiles(services: Mapping[str, Any]) -> dict[str, str]:
    """Return service -> text of its Dockerfile, of those that can be read here."""
    found = {}
    for name, service in services.items():
        if build := service.get("build"):
            path = Path(str(build["context"]), str(build.get("dockerfile") or "Dockerfile"))
            with contextlib.suppress(OSError, UnicodeDecodeError):
                found[name] = build.get("dockerfile_inline") or path.read_text("utf-8")
    return found


def check_named(role: str, name: str, services: Collection[str]) -> None:
    """Refuse a service of the settings (for `role`) that isn't among those of the merged model."""
    if name in services:
        return
    near = difflib.get_close_matches(name, services, n=3, cutoff=0.5)
    known = f"did you mean {' or '.join(near)}?" if near else f"services: {', '.join(sorted(services)) or 'none'}"
    raise Refused(
        f"[tool.optimus-ops] {role}: there is no service {name!r} in the Compose files",
        f"{known} One of a profile counts where the profile is on (COMPOSE_PROFILES)",
    )
