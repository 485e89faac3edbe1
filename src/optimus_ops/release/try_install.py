"""Trying a distribution: an empty environment, the distribution in it, and what a user would run first."""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from optimus_ops.checks.model import Check
from optimus_ops.errors import MissingPrerequisite
from optimus_ops.project.git_checkout import GIT_SECONDS
from optimus_ops.release.distribution import kind_of
from optimus_ops.release.model import ReleaseSettings
from optimus_ops.system.process import Completed, run
from optimus_ops.text.console import Progress

INSTALL_SECONDS = 600.0
COMMAND_SECONDS = 180.0
NOT_PASSED_ON = ("PYTHON", "VIRTUAL_ENV", "OPTIMUS_", "COMPOSE_", "GIT_", "INVOKE_")
"""Beginnings of variables that would bring something of this checkout along."""


@dataclass(frozen=True)
class Trial:
    """A folder for environments and copies, and the checkout whose trial commands are run."""

    work: Path
    root: Path
    settings: ReleaseSettings

    def checks(self, distribution: Path, progress: Progress) -> Iterator[Check]:
        """Install a distribution in an empty environment, and run each trial command in a copy of the project.

        Raises:
            MissingPrerequisite: environments can't be made.
        """
        subject, place = kind_of(distribution.name), self.work / distribution.name
        progress.show("installing it")
        programs = make_environment(place / "env")
        command = [str(programs / "python"), "-m", "pip", "install", "--quiet", "--no-input", str(distribution)]
        installed = run(command, environ=environment(programs), deadline=INSTALL_SECONDS, check=False)
        if installed.code:
            yield Check(subject, "install", "failed", last_lines(installed))
            return
        listed = run([str(programs / "python"), "-m", "pip", "check"], environ=environment(programs), check=False)
        yield Check(subject, "install", "failed" if listed.code else "ok", last_lines(listed))
        project = self._project(place / "project")
        for words in self.settings.try_commands:
            progress.show(words)
            yield self._run(subject, words, programs, project)

    def _run(self, subject: str, words: str, programs: Path, project: Path) -> Check:
        argv = shlex.split(words.replace("{checkout}", shlex.quote(str(self.root))))
        own = programs / argv[0]
        if not own.is_file():
            return Check(
                subject, words, "failed", f"the distribution installs no program {argv[0]}", "[project.scripts]"
            )
        environ = environment(programs)
        done = run([str(own), *argv[1:]], cwd=project, environ=environ, deadline=COMMAND_SECONDS, check=False)
        lines = done.stdout.strip().splitlines()
        if done.code:
            hint = "a prerequisite of this command is missing" if done.code == MissingPrerequisite.exit_code else ""
            return Check(subject, words, "failed", f"exit code {done.code}: {last_lines(done)}", hint)
        return Check(
            subject, words, "ok", f"{len(lines)} lines, the first: {lines[0].strip()}" if lines else "no output"
        )

    def _project(self, copy: Path) -> Path:
        """Copy the project that is tried, as a repository of its own."""
        if not self.settings.try_in:
            copy.mkdir(parents=True)
            return copy
        shutil.copytree(self.root / self.settings.try_in, copy)
        git = ["git", "-C", str(copy), "-c", "user.name=release", "-c", "user.email=release@localhost"]
        for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "trial"]):
            run([*git, *command], deadline=GIT_SECONDS)
        return copy


def make_environment(folder: Path) -> Path:
    """Make an empty environment of this Python; return the folder of its programs.

    Raises:
        MissingPrerequisite: the package that makes environments is missing.
    """
    if importlib.util.find_spec("virtualenv") is None:
        raise MissingPrerequisite("there is no package `virtualenv`", "install it with: pip install virtualenv")
    run([sys.executable, "-m", "virtualenv", "--quiet", str(folder)], deadline=INSTALL_SECONDS)
    return folder / "bin"


def environment(programs: Path, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of commands: nothing of this checkout, the new environment's programs first."""
    environ = os.environ if environ is None else environ
    kept = {name: value for name, value in environ.items() if not name.startswith(NOT_PASSED_ON)}
    here = str(Path(sys.executable).parent)
    path = [part for part in kept.get("PATH", os.defpath).split(os.pathsep) if part != here]
    return {**kept, "PATH": os.pathsep.join([str(programs), *path])}


def last_lines(done: Completed) -> str:
    """Return the end of a command's output in one line."""
    lines = [line.strip() for line in (done.stderr.strip() or done.stdout.strip()).splitlines() if line.strip()]
    return " / ".join(lines[-3:])[-400:]
