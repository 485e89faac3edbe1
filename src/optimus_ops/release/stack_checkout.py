"""`invoke release.checkout`: the folder that a stack runs from, at a commit, with the operator's secrets.

A stack's containers mount files of its folder, so that it has one of its own, which no other job of a runner changes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from optimus_ops.change.executor import StepExecutor
from optimus_ops.change.options import ChangeOptions
from optimus_ops.change.run import ChangeRun
from optimus_ops.errors import OpsError, Refused
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.step import Plan, Step
from optimus_ops.project.settings import load_project
from optimus_ops.release.checks import SHORT
from optimus_ops.release.observe import git
from optimus_ops.release.operator_secrets import OperatorSecrets, read_secrets
from optimus_ops.release.prepare import LOCK
from optimus_ops.release.steps import CheckOut, SetSecrets
from optimus_ops.reports.step_outputs import write_outputs
from optimus_ops.system.process import CommandFailed, run
from optimus_ops.text.console import Progress

GIT_SECONDS = 300.0


@dataclass(frozen=True)
class ObservedCheckout:
    """The folder as it is: the commit that is checked out ("" where there is none), and what was changed in it."""

    folder: Path
    commit: str = ""
    changed: tuple[str, ...] = ()


def check_out(folder: str, commit: str, secrets: str, options: ChangeOptions, root: Path | None = None) -> None:
    """Check a commit out in a stack's folder; `secrets` names the variable with values for its secrets file.

    In a workflow, the commits before and after are the step's outputs `previous` and `commit`.
    """
    project = load_project(root)
    target = Path(folder).resolve()
    with ChangeRun(project.state, LOCK, options) as run_:
        wanted, observed = resolve_commit(project.root, target, commit or "HEAD"), observe_checkout(target)
        values = read_secrets(target, secrets, os.environ)
        plan = plan_checkout(observed, wanted, folder, values)
        run_.execute(plan, CheckoutExecutor(project.root, observed, values))
        write_outputs({"previous": observed.commit, "commit": wanted})
        run_.finish(previous=observed.commit or None, commit=wanted)


def resolve_commit(source: Path, folder: Path, commit: str) -> str:
    """Return the full id of a commit of the checkout, or of the stack's folder.

    Raises:
        Refused: neither knows it.
    """
    found = (
        git(place, "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}")
        for place in (source, folder)
        if place.is_dir()
    )
    wanted = next((text.strip() for text in found if text), "")
    if not wanted or commit.startswith("-"):
        raise Refused(f"no commit {commit!r} in this checkout", "fetch it first (actions/checkout: fetch-depth: 0)")
    return wanted


def observe_checkout(folder: Path) -> ObservedCheckout:
    """Look at the folder.

    Raises:
        Refused: it holds something else than a git checkout.
    """
    if not (folder / ".git").exists():
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise Refused(f"{folder} is no git checkout, and not empty", "name another folder, or empty it")
        return ObservedCheckout(folder)
    commit = (git(folder, "rev-parse", "--verify", "--quiet", "HEAD") or "").strip()
    status = git(folder, "status", "--porcelain", "--untracked-files=no") or ""
    return ObservedCheckout(folder, commit, tuple(line[3:] for line in status.splitlines()))


def plan_checkout(observed: ObservedCheckout, wanted: str, name: str, secrets: OperatorSecrets) -> Plan:
    """Return what brings the folder to the commit, and its secrets file to the values.

    Raises:
        Refused: files of the folder were changed by hand.
    """
    if observed.changed:
        some = ", ".join(observed.changed[:5])
        raise Refused(f"{name}: changed by hand: {some}", f"look first: git -C {name} diff")
    steps: list[Step] = []
    if observed.commit != wanted:
        before = f"{observed.commit[:SHORT]} is there" if observed.commit else "there is no checkout"
        steps.append(CheckOut(folder=name, commit=wanted, cause=Cause(before, "requested")))
    if names := secrets.differing():
        cause = Cause("they have other values, or none", "secret")
        steps.append(SetSecrets(names=names, file=secrets.path.name, cause=cause))
    return Plan(LOCK, "release.checkout", tuple(steps))


@dataclass
class CheckoutExecutor(StepExecutor):
    """Checks out and writes secrets; an undo brings the commit and the values back that were there."""

    source: Path
    observed: ObservedCheckout
    secrets: OperatorSecrets

    @property
    def handlers(self) -> Mapping[type[Step], Callable[..., None]]:
        """Return step type -> what carries it out."""
        return {CheckOut: self._check_out, SetSecrets: self._set_secrets}

    def _check_out(self, step: CheckOut, _progress: Progress) -> None:
        folder, previous = self.observed.folder, self.observed.commit
        if not (folder / ".git").exists():
            there = folder.exists()
            self.undo_stack.push(f"removed {step.folder}", lambda: _remove(folder, keep=there))
            _git(self.source, "init", "--quiet", str(folder))
        elif previous:
            back = f"checked {previous[:SHORT]} out in {step.folder} again"
            self.undo_stack.push(back, lambda: _git(folder, "checkout", "--quiet", "--detach", previous))
        if git(self.source, "cat-file", "-e", step.commit) is not None:
            _git(folder, "fetch", "--quiet", "--no-tags", str(self.source), step.commit)
        _git(folder, "checkout", "--quiet", "--detach", step.commit)

    def _set_secrets(self, step: SetSecrets, progress: Progress) -> None:
        self.undo_stack.push(f"put {step.file} back", self.secrets.restore)
        self.secrets.write()
        progress.note = "mode 0600"


def _git(folder: Path, *words: str) -> None:
    try:
        run(["git", "-C", str(folder), *words], deadline=GIT_SECONDS)
    except CommandFailed as error:
        raise OpsError(f"git {words[0]} failed: {error.completed.stderr.strip()}") from error


def _remove(folder: Path, *, keep: bool) -> None:
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    if not keep:
        folder.rmdir()
