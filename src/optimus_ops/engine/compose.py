"""Docker Compose, told what to do through its command line.

Scaling never lets Compose touch what runs: `up` is called with `--no-deps`, and with `--no-recreate` where anything of
a service runs (docker/compose#5251, #4923), and victims are stopped and removed by id, never by Compose.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from optimus_ops.engine.process import CommandFailed, run
from optimus_ops.errors import MachineLacks, Refused
from optimus_ops.stack.model import Stack, parse_stack, stack_files

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from optimus_ops.engine.process import Completed
    from optimus_ops.project import Project

Existing = Literal["keep", "replace", "recreate"]

CONFIG_SECONDS = 60.0
UP_SECONDS = 600.0


@dataclass(frozen=True)
class Compose:
    """A project's files, given to `docker compose`.

    Args:
        project: the project.
        files: base and overlays, in order.
    """

    project: Project
    files: tuple[Path, ...]

    @property
    def argv(self) -> tuple[str, ...]:
        """Return the command up to the verb."""
        return ("docker", "compose", *stack_files(self.files))

    @property
    def environ(self) -> Mapping[str, str]:
        """Return the environment in which the files are read."""
        return {
            **os.environ,
            "COMPOSE_PROJECT_NAME": self.project.name,
            "OPTIMUS_SECRETS_DIR": str(self.project.secrets),
            "COMPOSE_ANSI": "never",
            "BUILDKIT_PROGRESS": "plain",
        }

    def run(
        self, *verb: str, deadline: float = UP_SECONDS, on_line: Callable[[str], None] | None = None, check: bool = True
    ) -> Completed:
        """Run a verb of Compose.

        Raises:
            CommandFailed: it failed.
            MachineLacks: there is no `docker`.
        """
        return run(
            [*self.argv, *verb],
            cwd=self.project.root,
            environ=self.environ,
            deadline=deadline,
            on_line=on_line,
            check=check,
        )

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

    def stack(self) -> Stack:
        """Return what is wanted, as the files say it."""
        return parse_stack(self.document(), balancer=self.project.balancer, migrations=self.project.migrations)

    def up(
        self, counts: Mapping[str, int], *, existing: Existing = "keep", on_line: Callable[[str], None] | None = None
    ) -> None:
        """Create and start replicas until each service has its count; what runs is left alone.

        Args:
            counts: service -> number of replicas.
            existing: what becomes of containers that are there: "keep" them, "replace" those whose configuration is
                another one by now, or "recreate" all of them (for one-shot jobs).
            on_line: called with each line that Compose says.
        """
        scale = [argument for name, count in counts.items() for argument in ("--scale", f"{name}={count}")]
        how = {"keep": ["--no-recreate"], "replace": [], "recreate": ["--force-recreate"]}[existing]
        self.run("up", "-d", "--no-deps", "--no-build", *how, *scale, *counts, on_line=on_line)


def has_compose() -> bool:
    """Tell whether `docker compose` is there at all."""
    return run(["docker", "compose", "version"], deadline=CONFIG_SECONDS, check=False).code == 0
