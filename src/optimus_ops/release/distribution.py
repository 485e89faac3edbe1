"""What is in a wheel or an sdist, and whether that is what belongs in."""

from __future__ import annotations

import re
import tarfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.metadata import InvalidMetadata, Metadata
from packaging.utils import canonicalize_name

from optimus_ops.checks.model import Check, Verdict
from optimus_ops.errors import OpsError
from optimus_ops.release.model import ReleaseSettings

MOST_NAMED = 5
RELATIVE_LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)\s]+)")


@dataclass(frozen=True)
class Distribution:
    """A wheel or an sdist.

    Args:
        files: path -> content; of an sdist without the folder that holds everything.
        metadata: its metadata file.
    """

    name: str
    wheel: bool
    files: Mapping[str, bytes]
    metadata: bytes

    @property
    def kind(self) -> str:
        """What it is, in a word."""
        return kind_of(self.name)

    @classmethod
    def read(cls, path: Path) -> Distribution:
        """Read a file.

        Raises:
            OpsError: it is damaged, or has no metadata.
        """
        wheel = kind_of(path.name) == "wheel"
        try:
            files = _wheel_files(path) if wheel else _sdist_files(path)
        except (OSError, zipfile.BadZipFile, tarfile.TarError) as error:
            raise OpsError(f"{path.name} can't be read: {error}") from error
        wanted = re.compile(r"[^/]+\.dist-info/METADATA" if wheel else "PKG-INFO")
        metadata = next((data for name, data in files.items() if wanted.fullmatch(name)), None)
        if metadata is None:
            raise OpsError(f"{path.name} has no metadata")
        return cls(path.name, wheel, files, metadata)


def _wheel_files(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {entry.filename: archive.read(entry) for entry in archive.infolist() if not entry.is_dir()}


def _sdist_files(path: Path) -> dict[str, bytes]:
    found = {}
    with tarfile.open(path, "r:gz") as archive:
        for entry in archive:
            if not entry.isdir():
                content = archive.extractfile(entry) if entry.isfile() else None
                found[entry.name.partition("/")[2]] = content.read() if content else b""
    return found


def kind_of(name: str) -> str:
    """Return what a file is by its name."""
    return "wheel" if name.endswith(".whl") else "sdist"


def distribution_checks(made: Distribution, settings: ReleaseSettings, tracked: Mapping[str, bytes]) -> Iterator[Check]:
    """Give checks of a distribution's metadata and contents; `tracked` are the files of the commit."""
    yield from _metadata(made, settings)
    yield _nothing_foreign(made, tracked)
    yield _nothing_missing(made, tracked)


def _check(made: Distribution, name: str, verdict: Verdict, found: str, hint: str = "") -> Check:
    return Check(made.kind, name, verdict, found, hint)


def _metadata(made: Distribution, settings: ReleaseSettings) -> Iterator[Check]:
    try:
        metadata = Metadata.from_email(made.metadata, validate=True)
    except ExceptionGroup as group:
        wrong = [error for error in group.exceptions if isinstance(error, InvalidMetadata)]
        yield _check(made, "metadata", "failed", "; ".join(map(str, wrong or group.exceptions)), "see [project]")
        return
    stated = (canonicalize_name(metadata.name), metadata.version)
    wanted = (canonicalize_name(settings.name), settings.version)
    if stated != wanted:
        found = f"{stated[0]} {stated[1]}, and pyproject.toml says {wanted[0]} {wanted[1]}"
        yield _check(made, "metadata", "failed", found)
    else:
        yield _check(
            made, "metadata", "ok", f"{metadata.name} {metadata.version}, metadata {metadata.metadata_version}"
        )
    links = sorted(set(RELATIVE_LINK.findall(metadata.description or "")))
    if links and made.wheel:
        found = f"{len(links)} links of the description lead nowhere on a package index: {_some(links)}"
        yield _check(made, "description", "warning", found, "links with https:// lead everywhere")


def _nothing_foreign(made: Distribution, tracked: Mapping[str, bytes]) -> Check:
    """Tell what is no file of the commit, the build's own files aside."""
    contents = {*tracked.values()}
    foreign = [name for name, data in made.files.items() if data not in contents and not _made_by_build(made, name)]
    if foreign:
        return _check(made, "nothing else in it", "failed", f"not in the commit: {_some(foreign)}", "is it generated?")
    return _check(made, "nothing else in it", "ok", f"{len(made.files)} files, all of the commit")


def _made_by_build(made: Distribution, name: str) -> bool:
    return bool(re.match(r"[^/]+\.dist-info/", name)) if made.wheel else name == "PKG-INFO"


def _nothing_missing(made: Distribution, tracked: Mapping[str, bytes]) -> Check:
    """Tell which files of the packages the distribution has not."""
    tops = {name.split("/")[0] for name in made.files if "/" in name and not _made_by_build(made, name)}
    if made.wheel and not tops:
        return _check(made, "complete", "failed", "there is no package in it", "see [tool.hatch.build.targets.wheel]")
    wanted = {name for name in tracked if _package_path(name).split("/")[0] in tops} if made.wheel else set()
    missing = sorted(name for name in wanted if _package_path(name) not in made.files)
    if not made.wheel:
        missing = sorted({"pyproject.toml", *_of_folders(made, tracked)} - made.files.keys())
    if missing:
        return _check(made, "complete", "failed", f"missing: {_some(missing)}", "see [tool.hatch.build], .gitignore")
    return _check(made, "complete", "ok", f"every file of {', '.join(sorted(tops))}")


def _package_path(name: str) -> str:
    return name.removeprefix("src/")


def _of_folders(made: Distribution, tracked: Mapping[str, bytes]) -> set[str]:
    folders = {name.split("/")[0] for name in made.files if "/" in name}
    return {name for name in tracked if "/" in name and name.split("/")[0] in folders}


def reproducible(first: Mapping[str, str], second: Mapping[str, str]) -> Iterator[Check]:
    """Give a check for each file of two builds: name -> digest."""
    for name, found in first.items():
        if second.get(name) == found:
            yield Check(kind_of(name), "reproducible", "ok", f"sha256 {found}", figures={"sha256": found})
        else:
            hint = "what does it take from time, order, umask or place?"
            yield Check(kind_of(name), "reproducible", "failed", "a second build differs", hint)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
