"""Steps of a release."""

from __future__ import annotations

from optimus_ops.plan.step import Step, step


@step("set-version", "set the version in {file}")
class SetVersion(Step):
    """Set `[project] version` of a TOML file."""

    file: str
    version: str


@step("date-changelog", "date a section {version} in {file}")
class DateChangelog(Step):
    """Move what is unreleased into the section of a version."""

    file: str
    version: str


@step("upload", "upload {file}")
class UploadAsset(Step):
    """Upload a file to a GitHub release."""

    file: str
    size: int


@step("draft-release", "draft the release {tag}")
class DraftRelease(Step):
    """Make a release that nobody sees yet."""

    tag: str


@step("publish-release", "publish the release {tag}", final=True)
class PublishRelease(Step):
    """Show a release to everybody."""

    tag: str


@step("move-tag", "point {tag} at {_short}")
class MoveTag(Step):
    """Make a tag, or point it at another commit."""

    tag: str
    commit: str

    @property
    def _short(self) -> str:
        return self.commit[:12]


@step("check-out", "check {_short} out in {folder}")
class CheckOut(Step):
    """Bring a folder to a commit."""

    folder: str
    commit: str

    @property
    def _short(self) -> str:
        return self.commit[:12]


@step("set-secrets", "set {names} in {file}")
class SetSecrets(Step):
    """Set values of a secrets file; a plan holds names only."""

    names: tuple[str, ...]
    file: str
