"""`invoke release.tag-actions`: v1 follows v1.2.0, for those who use the repository's actions.

Source: https://docs.github.com/rest/git/refs. The tag only moves forward: to the newest version of its major number.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from optimus_ops.change.executor import StepExecutor
from optimus_ops.change.options import ChangeOptions
from optimus_ops.change.run import ChangeRun
from optimus_ops.errors import Refused
from optimus_ops.github.api import Repository
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.step import Plan, Step
from optimus_ops.project.settings import load_project
from optimus_ops.release.github_errors import translated
from optimus_ops.release.prepare import LOCK
from optimus_ops.release.settings import read_settings
from optimus_ops.release.steps import MoveTag
from optimus_ops.release.version import newest_beside, tag_of, version_of_tag
from optimus_ops.text.console import Progress


@dataclass(frozen=True)
class ObservedTags:
    """The versions' tags of a repository, the commit of the release, and that of the major tag ("" for none)."""

    versions: tuple[str, ...]
    release: str
    major: str = ""


def tag_actions(options: ChangeOptions, root: Path | None = None) -> None:
    """Point the major tag at the release of the project's version."""
    project = load_project(root)
    settings = read_settings(project.root)
    if not settings.actions:
        raise Refused("this project has no actions", "[tool.optimus-ops.release] actions = true")
    repository = Repository.from_environment(os.environ)
    with ChangeRun(project.state, LOCK, options) as run:
        with run.observing("tags"), translated():
            observed = observe_tags(repository, settings.version)
        plan = plan_tag(observed, settings.version)
        run.execute(plan, TagExecutor(repository, observed.major))
        run.finish(tag=major_tag(settings.version), commit=observed.release)


def major_tag(version: Version) -> str:
    """Return the tag that follows the versions of a major number."""
    return f"v{version.major}"


def observe_tags(repository: Repository, version: Version) -> ObservedTags:
    """Ask for the tags.

    Raises:
        Refused: the version is not tagged.
    """
    references = repository.call("GET", "/git/matching-refs/tags/v")
    names = tuple(str(found["ref"]).removeprefix("refs/tags/") for found in references)
    if tag_of(version) not in names:
        raise Refused(f"{repository.name} has no tag {tag_of(version)}", f"git push origin {tag_of(version)}")
    # An annotated tag stands for a commit: the API looks through it.
    major = major_tag(version)
    commits = {
        name: str(repository.call("GET", f"/commits/{name}")["sha"]) for name in {tag_of(version), major} & {*names}
    }
    return ObservedTags(tuple(filter(version_of_tag, names)), commits[tag_of(version)], commits.get(major, ""))


def plan_tag(observed: ObservedTags, version: Version) -> Plan:
    """Return the step that moves the tag; none, and why, where it stays."""
    finals = [name for name in observed.versions if (found := version_of_tag(name)) and not found.is_prerelease]
    tag, newest = major_tag(version), newest_beside(finals, version)
    plan = Plan(LOCK, "release.tag-actions")
    if version.is_prerelease:
        return plan.noting([f"{version} is a pre-release: {tag} stays"])
    if newest is not None and newest > version:
        return plan.noting([f"{newest} is newer than {version}: {tag} stays"])
    if observed.major == observed.release:
        return plan
    cause = Cause(f"{tag} is {observed.major[:12]}" if observed.major else f"there is no {tag}", "requested")
    return Plan(LOCK, plan.purpose, (MoveTag(tag=tag, commit=observed.release, cause=cause),))


@dataclass
class TagExecutor(StepExecutor):
    """Moves the tag; an undo moves it back."""

    repository: Repository
    before: str

    @property
    def handlers(self) -> Mapping[type[Step], Callable[..., None]]:
        """Return step type -> what carries it out."""
        return {MoveTag: self._move}

    def translated(self, step: Step) -> AbstractContextManager[None]:  # noqa: ARG002 - as in the base
        """Turn what the token may not do into a message."""
        return translated()

    def _move(self, step: MoveTag, _progress: Progress) -> None:
        if self.before:
            self._put(step.tag, self.before, step.commit)
        else:
            self.repository.call("POST", "/git/refs", {"ref": f"refs/tags/{step.tag}", "sha": step.commit})

    def _put(self, tag: str, before: str, commit: str) -> None:
        def back() -> None:
            with translated():
                self.repository.call("PATCH", f"/git/refs/tags/{tag}", {"sha": before, "force": True})

        self.repository.call("PATCH", f"/git/refs/tags/{tag}", {"sha": commit, "force": True})
        self.undo_stack.push(f"moved {tag} back", back)
