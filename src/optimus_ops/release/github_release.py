"""`invoke release.publish`: the release of a tag on GitHub, with its notes and files; a second run changes nothing.

Source: https://docs.github.com/rest/releases. It stays a draft until all files are there.
"""

from __future__ import annotations

import hashlib
import os
import urllib.parse
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.version import Version

from optimus_ops.change.executor import StepExecutor
from optimus_ops.change.options import ChangeOptions
from optimus_ops.change.run import ChangeRun
from optimus_ops.errors import Refused
from optimus_ops.github.api import Repository, call
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.step import Plan, Step
from optimus_ops.project.settings import load_project
from optimus_ops.release.build import distributions, version_of
from optimus_ops.release.changelog import release_notes
from optimus_ops.release.github_errors import translated
from optimus_ops.release.observe import read_text
from optimus_ops.release.prepare import LOCK
from optimus_ops.release.settings import read_settings
from optimus_ops.release.steps import DraftRelease, PublishRelease, UploadAsset
from optimus_ops.release.version import tag_of
from optimus_ops.text.console import Progress


@dataclass(frozen=True)
class ObservedRelease:
    """A release on GitHub; without an id there is none. Assets are name -> (size, "sha256:…" or "")."""

    id: int = 0
    draft: bool = True
    upload_url: str = ""
    assets: Mapping[str, tuple[int, str]] | None = None


def publish(folder: str, options: ChangeOptions, root: Path | None = None) -> None:
    """Publish the release of the project's version, whose tag has to be there."""
    project = load_project(root)
    repository = Repository.from_environment(os.environ)
    settings = read_settings(project.root)
    files = distributions(project.root / folder)
    if not files:
        raise Refused(f"no wheel or sdist in {folder}", "invoke release.build")
    if others := [path.name for path in files if version_of(path) != settings.version]:
        raise Refused(
            f"{folder} has another version than {settings.version}: {', '.join(others)}", "invoke release.build"
        )
    notes = release_notes(read_text(project.root / settings.changelog) or "", settings.version)
    with ChangeRun(project.state, LOCK, options) as run:
        with run.observing("releases"), translated():
            observed = observe_release(repository, tag_of(settings.version))
        plan = plan_publish(observed, tag_of(settings.version), files)
        run.execute(plan, PublishExecutor(repository, observed, files, notes, settings.version))
        run.finish(tag=tag_of(settings.version), files=[path.name for path in files])


def observe_release(repository: Repository, tag: str) -> ObservedRelease:
    """Return the release of a tag, drafts included.

    Raises:
        Refused: there is no such tag.
    """
    if repository.find(f"/git/ref/tags/{tag}") is None:
        raise Refused(f"{repository.name} has no tag {tag}", f"git push origin {tag}")
    # A draft has no tag yet that it could be found by.
    found = next((release for release in repository.pages("/releases") if release.get("tag_name") == tag), None)
    if found is None:
        return ObservedRelease()
    assets = {asset["name"]: (int(asset["size"]), str(asset.get("digest") or "")) for asset in found["assets"]}
    return ObservedRelease(int(found["id"]), bool(found["draft"]), str(found["upload_url"]), assets)


def plan_publish(observed: ObservedRelease, tag: str, files: tuple[Path, ...]) -> Plan:
    """Return what is missing: the release, files of it, its publication.

    Raises:
        Refused: a file is there with another content.
    """
    steps: list[Step] = []
    if not observed.id:
        steps.append(DraftRelease(tag=tag, cause=Cause("there is none", "missing")))
    for path in files:
        there = (observed.assets or {}).get(path.name)
        if there is None:
            steps.append(
                UploadAsset(file=path.name, size=path.stat().st_size, cause=Cause("it is not there", "missing"))
            )
        elif there not in {(path.stat().st_size, digest) for digest in ("", _digest(path))}:
            raise Refused(f"{tag} has another {path.name}", "a release stays as it is: take the next version")
    if observed.draft:
        steps.append(PublishRelease(tag=tag, cause=Cause("all files are there")))
    return Plan(LOCK, "release.publish", tuple(steps))


@dataclass
class PublishExecutor(StepExecutor):
    """Makes the release; an undo takes away what is not published yet."""

    repository: Repository
    release: ObservedRelease
    files: tuple[Path, ...]
    notes: str
    version: Version

    @property
    def handlers(self) -> Mapping[type[Step], Callable[..., None]]:
        """Return step type -> what carries it out."""
        return {DraftRelease: self._draft, UploadAsset: self._upload, PublishRelease: self._publish}

    def translated(self, step: Step) -> AbstractContextManager[None]:  # noqa: ARG002 - as in the base
        """Turn what the token may not do into a message."""
        return translated()

    def _draft(self, step: DraftRelease, _progress: Progress) -> None:
        made = self.repository.call(
            "POST",
            "/releases",
            {
                "tag_name": step.tag,
                "name": step.tag,
                "body": self.notes,
                "draft": True,
                "prerelease": self.version.is_prerelease,
            },
        )
        self.release = ObservedRelease(int(made["id"]), True, str(made["upload_url"]), {})
        self._undo("removed the draft", f"/releases/{self.release.id}")

    def _upload(self, step: UploadAsset, progress: Progress) -> None:
        path = next(path for path in self.files if path.name == step.file)
        address = self.release.upload_url.partition("{")[0] + "?" + urllib.parse.urlencode({"name": path.name})
        made: Any = call("POST", address, self.repository.token, path.read_bytes(), "application/octet-stream")
        self._undo(f"removed {path.name}", f"/releases/assets/{made['id']}")
        progress.note = f"{step.size} bytes"

    def _publish(self, _step: PublishRelease, progress: Progress) -> None:
        made = self.repository.call("PATCH", f"/releases/{self.release.id}", {"draft": False})
        progress.note = str(made["html_url"])

    def _undo(self, text: str, path: str) -> None:
        def delete() -> None:
            with translated():
                self.repository.call("DELETE", path)

        self.undo_stack.push(text, delete)


def _digest(path: Path) -> str:
    return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
