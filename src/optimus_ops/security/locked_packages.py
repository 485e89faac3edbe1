"""Python packages that requirements files name, each with the places where it is pinned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from optimus_ops.reports.place import Place
from optimus_ops.security.checkout_files import CheckoutFiles


@dataclass(frozen=True, slots=True)
class Pin:
    """A requirement of a file; the version is "" where none is pinned."""

    name: str
    version: str
    place: Place


def requirements_files(files: CheckoutFiles) -> tuple[str, ...]:
    """Return the requirements files: `requirements*.txt`, and text files below a folder `requirements`."""
    return files.matching(_is_requirements)


def _is_requirements(path: PurePosixPath) -> bool:
    return path.suffix == ".txt" and (path.name.startswith("requirements") or "requirements" in path.parts[:-1])


def pins(files: CheckoutFiles) -> tuple[Pin, ...]:
    """Return the requirements of all files, those for other platforms and Pythons included."""
    return tuple(pin for name in requirements_files(files) for pin in read_pins(name, _text(files, name)))


def _text(files: CheckoutFiles, name: str) -> str:
    return (files.root / name).read_text("utf-8-sig", "replace")


def read_pins(name: str, text: str) -> Iterator[Pin]:
    """Give the requirements of a file; options (`-r`, `--hash`) are none."""
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition(" #")[0].partition(" --hash")[0].strip().removesuffix("\\").strip()
        if not words or words.startswith(("#", "-")):
            continue
        try:
            found = Requirement(words)
        except InvalidRequirement:
            yield Pin(words, "", Place(name, number))
            continue
        exact = [item.version for item in found.specifier if item.operator == "==" and "*" not in item.version]
        # As pip-audit names them: 2024.01.05 is 2024.1.5.
        version = str(Version(exact[0])) if exact else ""
        yield Pin(canonicalize_name(found.name), version, Place(name, number))
