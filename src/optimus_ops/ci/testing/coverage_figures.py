"""Coverage in figures: of files and packages, from the JSON of coverage.py, and those of earlier commits.

Figures of a commit are kept in `.optimus/coverage/COMMIT.json`: a change is compared with the nearest commit before it
that has some. In CI the folder is a cache of the main branch's runs; locally it fills with each measured session.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from optimus_ops.ci.testing.untested_lines import FileLines
from optimus_ops.errors import OpsError, Refused

SCHEMA = 1
MOST_KEPT = 100
FORMAT = 3
"""Version of coverage.py's JSON (https://coverage.readthedocs.io/en/latest/commands/cmd_json.html)."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Numbers of branches and statements, and how many of them tests took."""

    branches: int = 0
    taken_branches: int = 0
    statements: int = 0
    taken_statements: int = 0

    def __add__(self, other: Figures) -> Figures:
        """Return the sum."""
        return Figures(
            self.branches + other.branches,
            self.taken_branches + other.taken_branches,
            self.statements + other.statements,
            self.taken_statements + other.taken_statements,
        )

    @property
    def branch_percent(self) -> float:
        """Percent of branches taken; 100 where there are none."""
        return 100 * self.taken_branches / self.branches if self.branches else 100.0

    @property
    def statement_percent(self) -> float:
        """Percent of statements executed; 100 where there are none."""
        return 100 * self.taken_statements / self.statements if self.statements else 100.0


def total(figures: Iterable[Figures]) -> Figures:
    """Return the sum of figures."""
    return sum(figures, Figures())


def read_coverage(path: Path) -> dict[str, Figures]:
    """Return file -> figures.

    Raises:
        Refused: the file is no report of coverage.py in a known form, or branches were not measured.
    """
    return {file: _figures(found["summary"]) for file, found in _files(path).items()}


def read_lines(path: Path) -> dict[str, FileLines]:
    """Return file -> what tests did with its lines.

    Raises:
        Refused: as above.
    """
    return {
        file: FileLines(
            found["executed_lines"],
            found["missing_lines"],
            tuple((origin, target) for origin, target in found["missing_branches"]),
        )
        for file, found in _files(path).items()
    }


def by_package(files: Mapping[str, Figures]) -> dict[str, Figures]:
    """Return package -> figures, in order: `services/kit` for what is in its `src`, `lib.part` for `src/lib/part`."""
    found: dict[str, Figures] = {}
    for file, figures in sorted(files.items()):
        package = _package(file)
        found[package] = found.get(package, Figures()) + figures
    return found


def keep_figures(folder: Path, commit: str, packages: Mapping[str, Figures]) -> None:
    """Keep the figures of a commit; the oldest of many are removed.

    Raises:
        OpsError: they can't be written.
    """
    document = {"schema": SCHEMA, "commit": commit, "packages": {name: _row(found) for name, found in packages.items()}}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{commit}.json").write_text(json.dumps(document, indent=1) + "\n", "utf-8")
        kept = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
        for path in kept[:-MOST_KEPT]:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise OpsError(f"figures of coverage can't be kept: {error.strerror} ({error.filename})") from error


def kept_figures(folder: Path, commits: Iterable[str]) -> tuple[str, dict[str, Figures]] | None:
    """Return the first of the commits that has figures, and these; None where none has."""
    for commit in commits:
        path = folder / f"{commit}.json"
        if path.is_file():
            document = _json(path)
            if document.get("schema") == SCHEMA:
                return commit, {name: Figures(*row) for name, row in document["packages"].items()}
    return None


def _files(path: Path) -> Mapping[str, Any]:
    document = _json(path)
    meta = document.get("meta", {})
    if meta.get("format") != FORMAT or not meta.get("branch_coverage"):
        raise Refused(f"{path} is no JSON report of coverage.py with branches (format {FORMAT})")
    files: Mapping[str, Any] = document["files"]
    return files


def _json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise Refused(f"{path} can't be read: {error.strerror}") from error
    except ValueError as error:
        raise Refused(f"{path} is no JSON: {error}") from error
    if not isinstance(document, dict):
        raise Refused(f"{path} holds no JSON object")
    return document


def _figures(summary: Mapping[str, int]) -> Figures:
    return Figures(
        summary["num_branches"], summary["covered_branches"], summary["num_statements"], summary["covered_lines"]
    )


def _row(figures: Figures) -> list[int]:
    return [figures.branches, figures.taken_branches, figures.statements, figures.taken_statements]


def _package(file: str) -> str:
    folders = PurePosixPath(file).parent.parts
    if "src" not in folders:
        return "/".join(folders[:2]) or "."
    at = folders.index("src")
    return "/".join(folders[:at]) or ".".join(folders[at + 1 : at + 3])
