"""The port to Docker Compose: a project's files, and what is done with them. Adapter: `docker_compose`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, Self

from optimus_ops.engine.pins import Pins
from optimus_ops.model.stack import Stack
from optimus_ops.project.settings import Project
from optimus_ops.system.process import Completed

Existing = Literal["keep", "replace"]


class Compose(Protocol):
    """A project's Compose files, and what Docker Compose does with them."""

    @property
    def project(self) -> Project:
        """The project."""

    @property
    def files(self) -> tuple[Path, ...]:
        """Base and overlays, in order."""

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment in which the files are read."""

    @property
    def pins_file(self) -> Path:
        """Where the project's pins are kept."""

    def pinned(self) -> Pins:
        """Return the pins that the files are read with."""

    def with_pins(self, pins: Pins) -> Self:
        """Return the same project with other pins."""

    def with_files(self, files: Iterable[Path]) -> Self:
        """Return the same project with further files."""

    def with_variables(self, variables: Mapping[str, str]) -> Self:
        """Return the same project with further variables in its environment."""

    def document(self) -> Mapping[str, Any]:
        """Return the merged model."""

    def stack(self) -> Stack:
        """Return the stack that the files describe."""

    def stack_of(self, document: Mapping[str, Any]) -> Stack:
        """Return the stack of a merged model."""

    def services(self) -> tuple[str, ...] | None:
        """Return the names of all services, also of profiles that are off; None where the files can't be read."""

    def hashes(self, document: Mapping[str, Any]) -> Mapping[str, str]:
        """Return the digest of each service's definition in a merged model, as Compose labels containers with it."""

    def values(self, variables: Collection[str]) -> Mapping[str, str]:
        """Return variables as Compose sees them, from its environment and its `.env`; "" for one without a value."""

    def create(
        self,
        counts: Mapping[str, int],
        others: Mapping[str, int],
        *,
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        """Create containers until each service has its count, running or not; nothing is started or replaced.

        `others` are the counts of the services that these depend on: without them, Compose would bring those back to
        the number in the files.
        """

    def up(
        self, counts: Mapping[str, int], *, existing: Existing = "keep", on_line: Callable[[str], None] | None = None
    ) -> None:
        """Create and start containers until each service has its count.

        Those that exist are kept, or replaced where their configuration changed.
        """

    def run_job(
        self,
        service: str,
        command: Sequence[str],
        *,
        label: str,
        seconds: float,
        on_line: Callable[[str], None] | None = None,
    ) -> Completed:
        """Run a command in a container of its own of a service, which is removed however it ends.

        Ended containers of earlier runs with the same label are removed first. Raises `DeadlinePassed` if it does not
        end in `seconds`; `on_line` gets standard error.
        """

    def build(
        self,
        services: Sequence[str],
        *,
        override: Mapping[str, Any],
        arguments: Sequence[str],
        environ: Mapping[str, str],
        seconds: float,
        on_line: Callable[[str], None],
    ) -> None:
        """Build the images of services; raise `CommandFailed` where it fails.

        `override` is one more Compose file; `arguments` names build arguments that are taken from the environment.
        """
