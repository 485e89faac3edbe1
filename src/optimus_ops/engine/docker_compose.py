"""Docker Compose, through its command line.

Scaling never lets Compose touch what runs (docker/compose#5251, #4923): new replicas are created with `--no-recreate`
and the number of everything else given, then started by id; others are stopped and removed by id.
"""

from __future__ import annotations

import json
import os
import secrets
import shlex
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from optimus_ops.engine.compose_port import Compose, Existing
from optimus_ops.engine.docker_host import plugin_version
from optimus_ops.engine.labels import PROJECT_LABEL
from optimus_ops.errors import MissingPrerequisite, Refused
from optimus_ops.model.merged_model import plain
from optimus_ops.system.process import BothStreams, CommandFailed, Completed, OnLine, run

CONFIG_SECONDS = 60.0
UP_SECONDS = 600.0
REMOVE_SECONDS = 30.0

VALUES = "x-optimus-values"
"""An extension field, so that Compose only fills in what stands there."""
FROM_HERE = ("--no-build", "--pull", "never")
"""Whatever `pull_policy` says: what an image's name stands for is decided before a plan is made, and not amid it."""


@dataclass(frozen=True)
class DockerCompose(Compose):
    """The adapter of `engine.compose_port.Compose`."""

    added: Mapping[str, str] = field(default_factory=dict)
    """Variables that win over those of the environment."""

    def with_variables(self, variables: Mapping[str, str]) -> Self:
        return replace(self, added={**self.added, **variables})

    @property
    def environ(self) -> Mapping[str, str]:
        variables = {name: value for name, value in self.project.variables.items() if value}
        return {
            **variables,
            **os.environ,
            **self.added,
            "COMPOSE_PROJECT_NAME": self.project.name,
            "OPTIMUS_ROOT": str(self.project.root),
            "OPTIMUS_STATE_DIR": str(self.project.state),
            "OPTIMUS_SECRETS_DIR": str(self.project.secrets),
            "OPTIMUS_JOURNAL_DIR": str(self.project.state / "journal"),
            "COMPOSE_ANSI": "never",
            "BUILDKIT_PROGRESS": "plain",
        }

    def run(
        self,
        *verb: str,
        deadline: float = UP_SECONDS,
        on_line: OnLine | None = None,
        check: bool = True,
        override: Mapping[str, Any] | None = None,
    ) -> Completed:
        """Run a verb of Compose with its arguments; `override` is one more Compose file for this run."""
        with tempfile.TemporaryDirectory(prefix="optimus-pins-") as folder:
            files = (*self.files, *self._pins_as_file(Path(folder)), *_as_file(override, Path(folder)))
            return self._run([*_options(files), *verb], deadline=deadline, on_line=on_line, check=check)

    def _run(self, arguments: Sequence[str], **options: Any) -> Completed:
        return run(["docker", "compose", *arguments], cwd=self.project.root, environ=self.environ, **options)

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
        try:
            completed = self.run("config", "--format", "json", deadline=CONFIG_SECONDS)
        except CommandFailed as error:
            if plugin_version("compose") is None:
                raise MissingPrerequisite(
                    "`docker compose` is missing or older than 2.20",
                    "install it with: python3 scripts/bootstrap.py --with-docker true",
                ) from error
            names = ", ".join(path.name for path in self.files)
            output = error.completed.stderr.strip() or error.completed.stdout.strip()
            raise Refused(f"the Compose files ({names}) do not parse:\n    {output}") from error
        document = json.loads(completed.stdout)
        if not isinstance(document, dict):
            raise Refused("`docker compose config` printed no model")
        return document

    def values(self, variables: Collection[str]) -> Mapping[str, str]:
        # The merged model names the variables of configs and secrets, and not what is in them.
        if not variables:
            return {}
        asked = {VALUES: {name: f"${{{name}-}}" for name in sorted(variables)}}
        printed = self.run("config", "--format", "json", deadline=CONFIG_SECONDS, override=asked).stdout
        found: Mapping[str, str] = plain(json.loads(printed)[VALUES])
        return found

    def services(self) -> tuple[str, ...] | None:
        try:
            return tuple(self.run("--profile", "*", "config", "--services", deadline=CONFIG_SECONDS).stdout.split())
        except CommandFailed:
            return None

    def hashes(self, document: Mapping[str, Any]) -> Mapping[str, str]:
        # Not from the files: `config --hash` leaves their `env_file` out.
        with tempfile.TemporaryDirectory(prefix="optimus-model-") as folder:
            where = [*_options(_as_file(document, Path(folder))), "--project-directory", str(self.project.compose)]
            completed = self._run([*where, "config", "--hash", "*"], deadline=CONFIG_SECONDS)
        lines = (line.split() for line in completed.stdout.splitlines())
        return {words[0]: words[1] for words in lines if len(words) == 2}

    def up(self, counts: Mapping[str, int], *, existing: Existing = "keep", on_line: OnLine | None = None) -> None:
        how = {"keep": ["--no-recreate"], "replace": []}[existing]
        self.run("up", "-d", "--no-deps", *FROM_HERE, *how, *_scale(counts), *counts, on_line=on_line)

    def create(self, counts: Mapping[str, int], others: Mapping[str, int], *, on_line: OnLine | None = None) -> None:
        # Without `--no-deps`: the digest of their configuration is then that of plain `docker compose up`, so that it
        # doesn't replace them either.
        scale = _scale({**others, **counts})
        self.run("up", "--no-start", "--no-recreate", *FROM_HERE, *scale, *counts, on_line=on_line)

    def run_job(
        self, service: str, command: Sequence[str], *, label: str, seconds: float, on_line: OnLine | None = None
    ) -> Completed:
        name = f"{self.project.name}-{service}-hook-{secrets.token_hex(4)}"
        options = ("--rm", "--no-deps", "-T", "--name", name, "--label", f"{label}=true")
        # Older versions of `run` know no `--pull never`, as `up` does.
        here = {"services": {service: {"pull_policy": "never"}}}
        ended = ("status=exited", "status=dead", "status=created")
        _remove(_listed(f"label={PROJECT_LABEL}={self.project.name}", f"label={label}=true", *ended))
        done = None
        try:
            words = ("run", *options, service, *command)
            done = self.run(*words, deadline=seconds, on_line=on_line, check=False, override=here)
        finally:
            if done is None or done.code:
                # Compose may just be making it when it is killed, so it is looked for twice.
                for _ in range(2):
                    _remove(_listed(f"name=^/?{name}$"))
        return done

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
        with tempfile.TemporaryDirectory(prefix="optimus-build-") as folder:
            files = _options((*self.files, *_as_file(override, Path(folder))))
            options = [word for name in arguments for word in ("--build-arg", name)]
            # Whether Compose reports progress on standard output or standard error depends on its version.
            run(
                ["docker", "compose", *files, "build", *options, *services],
                cwd=self.project.root,
                environ=environ,
                deadline=seconds,
                on_line=BothStreams(on_line),
            )


def _options(files: Iterable[Path]) -> list[str]:
    return [word for path in files for word in ("-f", str(path))]


def _as_file(document: Mapping[str, Any] | None, folder: Path) -> tuple[Path, ...]:
    """Write a Compose file that only its owner can read."""
    if document is None:
        return ()
    path = folder / "override.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps(document), "utf-8")
    return (path,)


def _scale(counts: Mapping[str, int]) -> list[str]:
    return [argument for name, count in counts.items() for argument in ("--scale", f"{name}={count}")]


def _listed(*filters: str) -> Iterator[str]:
    words = [word for text in filters for word in ("--filter", text)]
    listed = run(["docker", "ps", "--all", "--quiet", "--no-trunc", *words], deadline=REMOVE_SECONDS, check=False)
    yield from listed.stdout.split()


def _remove(containers: Iterator[str]) -> None:
    for container in containers:
        run(["docker", "rm", "--force", "--volumes", container], deadline=REMOVE_SECONDS, check=False)


def shell_command(name: str, file: Path, *words: str) -> str:
    """Return a command of Docker Compose as a line of a shell, for a project of one file that is not the checkout's."""
    options = ("--progress", "plain", "--project-name", name, "--file", str(file))
    return shlex.join(["docker", "compose", *options, *words])
