"""`invoke release.prepare`: the version everywhere it stands, and a dated section in the changelog."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from packaging.version import Version

from optimus_ops.change.executor import StepExecutor
from optimus_ops.change.options import ChangeOptions
from optimus_ops.change.run import ChangeRun
from optimus_ops.errors import OpsError, Refused
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.step import Plan, Step
from optimus_ops.project.settings import load_project
from optimus_ops.release.changelog import section_of, with_release
from optimus_ops.release.model import ReleaseFacts
from optimus_ops.release.observe import observe_release, read_text
from optimus_ops.release.settings import with_version
from optimus_ops.release.steps import DateChangelog, SetVersion
from optimus_ops.release.version import bumped, newest_beside, parse_version, tag_of
from optimus_ops.system.atomic_write import atomic_write
from optimus_ops.text.console import Progress

LOCK = "release"
"""What is locked: releases of the project, whatever its stack is called."""


def prepare(version: str, bump: str, options: ChangeOptions, root: Path | None = None) -> None:
    """Set the version and date the changelog's section; nothing is committed or tagged."""
    project = load_project(root)
    with ChangeRun(project.state, LOCK, options) as run:
        facts = observe_release(project.root)
        wanted = requested_version(facts.settings.version, version, bump)
        plan = plan_prepare(facts, wanted)
        run.execute(plan, PrepareExecutor(project.root, datetime.now(UTC).date()), version=str(wanted))
        if plan:
            tag = tag_of(wanted)
            run.console.say(
                f"next: review and merge it, then on main: git tag -s {tag} -m {tag} && git push origin {tag}"
            )
        run.finish(version=str(wanted))


def requested_version(current: Version, version: str, bump: str) -> Version:
    """Return the version that was asked for: by itself, or as the part that is counted up.

    Raises:
        Refused: both, neither, or no version.
    """
    if bool(version) == bool(bump):
        raise Refused("which version?", f"invoke release.prepare VERSION, or --bump minor (now {current})")
    return bumped(current, bump) if bump else parse_version(version)


def plan_prepare(facts: ReleaseFacts, wanted: Version) -> Plan:
    """Return what prepares a version; nothing if it is prepared already.

    Raises:
        Refused: it is older than what is there, or released, or the changelog has nothing to release.
    """
    settings, current = facts.settings, facts.settings.version
    tag = tag_of(wanted)
    newest = newest_beside(facts.git.tags, wanted)
    if tag in facts.git.tags:
        raise Refused(f"there is a tag {tag} already", "a released version stays as it is: take the next one")
    if wanted < current or (newest is not None and wanted < newest):
        raise Refused(f"{wanted} is older than {max(filter(None, (current, newest)))}", "versions go up: --bump patch")
    if facts.changelog is None:
        raise Refused(f"there is no {settings.changelog}", "begin it with: ## [Unreleased]")
    others = ((name, found) for name, found in facts.versions.items() if found != str(wanted))
    stated = ((name, found) for name, found in (("pyproject.toml", str(current)), *others) if found != str(wanted))
    steps: list[Step] = [
        SetVersion(
            file=name, version=str(wanted), cause=Cause(f"{found or 'none'} there, {wanted} wanted", "requested")
        )
        for name, found in dict(stated).items()
    ]
    section = section_of(facts.changelog, str(wanted))
    if section is None:
        cause = Cause("what is unreleased becomes this version's", "requested")
        steps.append(DateChangelog(file=settings.changelog, version=str(wanted), cause=cause))
    elif section.empty or not section.date:
        raise Refused(f"{settings.changelog} has a section {wanted} that is empty or has no date", "take it out")
    return Plan(LOCK, "release.prepare", tuple(steps))


@dataclass
class PrepareExecutor(StepExecutor):
    """Writes the files; an undo writes back what was there."""

    root: Path
    today: date

    @property
    def handlers(self) -> Mapping[type[Step], Callable[..., None]]:
        """Return step type -> what carries it out."""
        return {SetVersion: self._set_version, DateChangelog: self._date_changelog}

    def _set_version(self, step: SetVersion, _progress: Progress) -> None:
        self._write(step.file, lambda text: with_version(text, Version(step.version), step.file))

    def _date_changelog(self, step: DateChangelog, _progress: Progress) -> None:
        self._write(step.file, lambda text: with_release(text, Version(step.version), self.today))

    def _write(self, name: str, change: Callable[[str], str]) -> None:
        path = self.root / name
        text = read_text(path)
        if text is None:
            raise OpsError(f"{name} is gone")
        changed, mode = change(text), path.stat().st_mode & 0o777
        self.undo_stack.push(f"put {name} back", lambda: atomic_write(path, text, mode))
        atomic_write(path, changed, mode)
