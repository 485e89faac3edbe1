"""Building wheel and sdist: from a clean clone, by the locked build backend, twice, so that differences are seen."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename

from optimus_ops.errors import MissingPrerequisite, OpsError, Refused
from optimus_ops.project.git_checkout import GIT_SECONDS, clone
from optimus_ops.system.process import CommandFailed, run
from optimus_ops.system.wait import run_parallel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packaging.version import Version

BUILD_SECONDS = 600.0
SUFFIXES = (".whl", ".tar.gz")
OFFLINE = {"PIP_NO_INDEX": "1", "UV_OFFLINE": "1"}
"""A build needs what the locked environment has, and nothing else."""
VARIATIONS: tuple[tuple[str, Mapping[str, str]], ...] = (
    ("022", {"TZ": "UTC", "PYTHONHASHSEED": "1"}),
    ("077", {"TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "2"}),
)
"""What differs between machines and must not show: file modes, the time zone, the order of sets."""


def build_twice(root: Path, work: Path) -> tuple[Path, Path]:
    """Build a checkout's HEAD twice below a folder; return both folders with wheel and sdist.

    Raises:
        MissingPrerequisite: the build frontend is missing.
        OpsError: a build fails.
        Refused: the folder is no git checkout with a commit.
    """
    if importlib.util.find_spec("build") is None:
        raise MissingPrerequisite("there is no package `build`", "install it with: pip install build hatchling")
    first, second = run_parallel(lambda number: _build(root, work / str(number), *VARIATIONS[number]), (0, 1))
    return first, second


def _build(root: Path, work: Path, umask: str, environ: Mapping[str, str]) -> Path:
    """Build in a clone: the sdist, and the wheel from the sdist, which proves that the sdist is whole."""
    commit = clone(root, work / "checkout")
    seconds = run(["git", "-C", str(root), "show", "-s", "--format=%ct", commit], deadline=GIT_SECONDS).stdout.strip()
    target = work / "dist"
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(target), str(work / "checkout")]
    epoch = os.environ.get("SOURCE_DATE_EPOCH") or seconds
    try:
        run(
            ["/bin/sh", "-c", f'umask {umask}; exec "$@"', "build", *command],
            environ={**os.environ, **OFFLINE, **environ, "SOURCE_DATE_EPOCH": epoch},
            deadline=BUILD_SECONDS,
        )
    except CommandFailed as error:
        output = (error.completed.stdout + error.completed.stderr).strip().splitlines()
        raise OpsError("the build failed:\n    " + "\n    ".join(output[-15:])) from error
    return target


def distributions(folder: Path) -> tuple[Path, ...]:
    """Return the wheels and sdists of a folder."""
    return tuple(sorted(path for path in folder.glob("*") if path.name.endswith(SUFFIXES)))


def version_of(path: Path) -> Version:
    """Return the version that the name of a wheel or an sdist has.

    Raises:
        Refused: the name is none of a distribution.
    """
    try:
        wheel = path.suffix == ".whl"
        return parse_wheel_filename(path.name)[1] if wheel else parse_sdist_filename(path.name)[1]
    except (InvalidSdistFilename, InvalidWheelFilename) as error:
        raise Refused(f"{path.name} is no name of a distribution", "invoke release.build") from error


def keep(built: Path, target: Path) -> tuple[Path, ...]:
    """Put what was built into a folder, in place of all other distributions there; return the files."""
    check_target(target)
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".dist-") as name:
        for path in distributions(built):
            shutil.copyfile(path, Path(name) / path.name)
        for path in distributions(target):
            path.unlink()
        return tuple(path.rename(target / path.name) for path in distributions(Path(name)))


def check_target(target: Path) -> None:
    """Refuse a folder in which something else is, which would be uploaded as well."""
    if target.exists() and not target.is_dir():
        raise Refused(f"{target} is no folder", "name one for distributions: --to dist")
    if others := sorted({path.name for path in target.glob("*")} - {path.name for path in distributions(target)}):
        raise Refused(
            f"{target} has other files: {', '.join(others[:5])}", "name a folder for distributions: --to dist"
        )


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
