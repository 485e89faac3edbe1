"""What a scanner is: the command lines of one tool, and the reader of what it prints."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from optimus_ops.errors import MissingPrerequisite
from optimus_ops.security.checkout_files import CheckoutFiles
from optimus_ops.security.model import ScanFinding


@dataclass(frozen=True)
class Output:
    """What a command printed, and its exit code."""

    argv: tuple[str, ...]
    code: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Scanner:
    """One scanner.

    Args:
        name: what it scans, as `--only` names it.
        tool: the program, found beside Python, else on PATH.
        package: the Python package that carries the program.
        commands: gives the arguments of the calls, which run one after the other in the checkout's folder; none where
            there is nothing to scan. The folder is for files of its own. May raise `CouldNotRun`.
        read: gives the findings of all calls. What is no report of the tool may raise what Python raises
            for it; may raise `CouldNotRun`.
        scope: says what is scanned.
        codes: exit codes of a scan that was carried out.
        network: whether it needs the network.
        required: whether a scan fails where it could not run.
        seconds: the longest time that a call may take.
        engine: whether it needs the Docker engine's address.
    """

    name: str
    tool: str
    package: str
    commands: Callable[[CheckoutFiles, Path], Sequence[Sequence[str]]]
    read: Callable[[Sequence[Output], CheckoutFiles], Iterable[ScanFinding]]
    scope: Callable[[CheckoutFiles], str]
    codes: frozenset[int] = frozenset({0})
    network: bool = False
    required: bool = True
    seconds: float = 120.0
    engine: bool = False

    def program(self) -> str:
        """Return the path of the tool.

        Raises:
            MissingPrerequisite: there is none.
        """
        own = Path(sys.executable).with_name(self.tool)
        found = str(own) if own.is_file() else shutil.which(self.tool)
        if not found:
            raise MissingPrerequisite(f"there is no `{self.tool}`", f"install it with: pip install {self.package}")
        return found

    def version(self) -> str:
        """Return the version of the package whose program runs; "" where it is not a package's."""
        try:
            return metadata.version(self.package) if Path(sys.executable).with_name(self.tool).is_file() else ""
        except metadata.PackageNotFoundError:
            return ""


def json_list(text: str) -> list[dict[str, Any]]:
    """Return the list of objects that a tool printed.

    Raises:
        ValueError: it printed something else.
    """
    found = json.loads(text)
    if not isinstance(found, list):
        raise ValueError(text[:80])  # noqa: TRY004 - as of what is no JSON
    return found
