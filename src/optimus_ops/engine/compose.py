"""Docker Compose, told what to do through its command line.

Scaling never lets Compose touch what runs (docker/compose#5251, #4923): new replicas are created with `--no-recreate`
and the number of everything else said along, then started by id; victims are stopped and removed by id.
"""

from __future__ import annotations

import difflib
import json
import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from optimus_ops.engine.pins import read_pins
from optimus_ops.errors import MachineLacks, Refused
from optimus_ops.model.stack import Stack, parse_stack, plain, stack_files
from optimus_ops.system.process import CommandFailed, run

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from optimus_ops.engine.pins import Pins
    from optimus_ops.project.settings import Project
    from optimus_ops.system.process import Completed

Existing = Literal["keep", "replace"]

CONFIG_SECONDS = 60.0
UP_SECONDS = 600.0

VALUES = "x-optimus-values"
"""An extension field, so that Compose only fills in what stands there."""
FROM_HERE = ("--no-build", "--pull", "never")
"""Whatever `pull_policy` says: what an image's name stands for is decided before a plan is made, and not amid it."""


@dataclass(frozen=True)
class Compose:
    """A project's files, given to `docker compose`.

    Args:
        project: the project.
        files: base and overlays, in order.
        pins: pins to read the files with; those that are kept for the project if not given.
    """

    project: Project
    files: tuple[Path, ...]
    pins: Pins | None = None

    @property
    def pins_file(self) -> Path:
        """Return where the project's pins are kept."""
        return self.project.state / "pins" / f"{self.project.name}.yml"

    def pinned(self) -> Pins:
        """Return the pins that the files are read with."""
        return read_pins(self.pins_file) if self.pins is None else self.pins

    def with_pins(self, pins: Pins) -> Compose:
        """Return the same project as it would be with other pins."""
        return replace(self, pins=pins)

    @property
    def environ(self) -> Mapping[str, str]:
        """Return the environment in which the files are read."""
        variables = {name: value for name, value in self.project.variables.items() if value}
        return {
            **variables,
            **os.environ,
            "COMPOSE_PROJECT_NAME": self.project.name,
            "OPTIMUS_SECRETS_DIR": str(self.project.secrets),
            "COMPOSE_ANSI": "never",
            "BUILDKIT_PROGRESS": "plain",
        }

    def run(
        self,
        *verb: str,
        deadline: float = UP_SECONDS,
        on_line: Callable[[str], None] | None = None,
        check: bool = True,
        override: Mapping[str, Any] | None = None,
    ) -> Completed:
        """Run a verb of Compose.

        Args:
            verb: the verb and its arguments.
            deadline: seconds after which it is ended.
            on_line: called with each line that Compose says.
            check: whether an exit code other than 0 is an error.
            override: one more Compose file, for this run.

        Raises:
            CommandFailed: it failed.
            MachineLacks: there is no `docker`.
        """
        with tempfile.TemporaryDirectory(prefix="optimus-pins-") as folder:
            added = (*self._pins_as_file(Path(folder)), *_as_file(override, Path(folder)))
            return run(
                ["docker", "compose", *stack_files((*self.files, *added)), *verb],
                cwd=self.project.root,
                environ=self.environ,
                deadline=deadline,
                on_line=on_line,
                check=check,
            )

    def _pins_as_file(self, folder: Path) -> tuple[Path, ...]:
        pins = self.pinned()
        if not pins:
            return ()
        if self.pins is None:
            return (self.pins_file,)
        path = folder / "pins.yml"
        path.write_text(pins.as_compose(), "utf-8")
        return (path,)

    def document(self) -> Mapping[str, Any]:
        """Return the merged model.

        Raises:
            Refused: the files do not parse; the message is Compose's own.
            MachineLacks: there is no Docker command, or it has no Compose.
        """
        try:
            completed = self.run("config", "--format", "json", deadline=CONFIG_SECONDS)
        except CommandFailed as error:
            if not has_compose():
                raise MachineLacks(
                    "`docker compose` is missing or older than 2.20",
                    "install it with: python3 scripts/bootstrap.py --with-docker true",
                ) from error
            names = ", ".join(path.name for path in self.files)
            said = error.completed.stderr.strip() or error.completed.stdout.strip()
            raise Refused(f"the Compose files ({names}) do not parse:\n    {said}") from error
        document = json.loads(completed.stdout)
        if not isinstance(document, dict):
            raise Refused("`docker compose config` printed no model")
        return document

    def values(self, variables: Collection[str]) -> Mapping[str, str]:
        """Return variables as Compose sees them, from its environment and its `.env`; "" where there is none.

        The merged model names the variables of configs and secrets, and not what is in them.
        """
        if not variables:
            return {}
        asked = {VALUES: {name: f"${{{name}-}}" for name in sorted(variables)}}
        printed = self.run("config", "--format", "json", deadline=CONFIG_SECONDS, override=asked).stdout
        found: Mapping[str, str] = plain(json.loads(printed)[VALUES])
        return found

    def stack(self) -> Stack:
        """Return what is wanted, as the files say it."""
        return self.stack_of(self.document())

    def stack_of(self, document: Mapping[str, Any]) -> Stack:
        """Return the stack of a merged model.

        Raises:
            Refused: the settings name a service that isn't in it.
        """
        services = document.get("services") or {}
        for role in sorted({"balancer", "migrations"} & self.project.stated):
            check_named(role, str(getattr(self.project, role)), services)
        return parse_stack(document, balancer=self.project.balancer, migrations=self.project.migrations)

    def services(self) -> tuple[str, ...]:
        """Return the names of all services of the files, those of profiles that are not active included."""
        return tuple(self.run("--profile", "*", "config", "--services", deadline=CONFIG_SECONDS).stdout.split())

    def hashes(self, document: Mapping[str, Any]) -> Mapping[str, str]:
        """Return the digest of each service's definition, as Compose labels the containers that it makes.

        The merged model is asked and not the files: from them, `config --hash` leaves `env_file` out.

        Args:
            document: the merged model.
        """
        with tempfile.TemporaryDirectory(prefix="optimus-model-") as folder:
            model = Path(folder) / "model.json"
            model.touch(mode=0o600)
            model.write_text(json.dumps(document), "utf-8")
            where = ["-f", str(model), "--project-directory", str(self.project.compose)]
            completed = run(
                ["docker", "compose", *where, "config", "--hash", "*"],
                cwd=self.project.root,
                environ=self.environ,
                deadline=CONFIG_SECONDS,
            )
        lines = (line.split() for line in completed.stdout.splitlines())
        return {words[0]: words[1] for words in lines if len(words) == 2}

    def up(
        self, counts: Mapping[str, int], *, existing: Existing = "keep", on_line: Callable[[str], None] | None = None
    ) -> None:
        """Create and start containers until each service has its count; what runs is left alone.

        Args:
            counts: service -> number of containers.
            existing: what becomes of containers that are there: "keep" them, or "replace" those whose
                configuration is another one by now.
            on_line: called with each line that Compose says.
        """
        how = {"keep": ["--no-recreate"], "replace": []}[existing]
        self.run("up", "-d", "--no-deps", *FROM_HERE, *how, *_scale(counts), *counts, on_line=on_line)

    def create(
        self,
        counts: Mapping[str, int],
        others: Mapping[str, int],
        *,
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        """Create containers until each service has its count, running or not; nothing is started or made anew.

        Unlike with `--no-deps`, their configuration digest is the one that plain `docker compose up` gives, so that it
        doesn't make them anew either.

        Args:
            counts: service -> number of containers.
            others: the same of the services that these depend on: without it, Compose would bring them back to the
                number in the files.
            on_line: called with each line that Compose says.
        """
        scale = _scale({**others, **counts})
        self.run("up", "--no-start", "--no-recreate", *FROM_HERE, *scale, *counts, on_line=on_line)


def _as_file(override: Mapping[str, Any] | None, folder: Path) -> tuple[Path, ...]:
    if override is None:
        return ()
    path = folder / "override.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps(override), "utf-8")
    return (path,)


def check_named(role: str, name: str, services: Collection[str]) -> None:
    """Refuse a service of the settings that isn't in the files.

    Args:
        role: the setting.
        name: the service.
        services: those of the merged model.
    """
    if name in services:
        return
    near = difflib.get_close_matches(name, services, n=3, cutoff=0.5)
    known = f"did you mean {' or '.join(near)}?" if near else f"services: {', '.join(sorted(services)) or 'none'}"
    raise Refused(
        f"[tool.optimus-ops] {role}: there is no service {name!r} in the Compose files",
        f"{known} One of a profile counts where the profile is on (COMPOSE_PROFILES)",
    )


def _scale(counts: Mapping[str, int]) -> list[str]:
    return [argument for name, count in counts.items() for argument in ("--scale", f"{name}={count}")]


def has_compose() -> bool:
    """Tell whether `docker compose` is there at all."""
    return run(["docker", "compose", "version"], deadline=CONFIG_SECONDS, check=False).code == 0
