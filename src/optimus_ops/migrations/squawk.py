"""Asking squawk (https://squawkhq.com), the linter for PostgreSQL migrations."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from optimus_ops.errors import MissingPrerequisite
from optimus_ops.migrations.rules import SQUAWK, UNREADABLE

SECONDS = 60
NO_FINDINGS, FINDINGS = 0, 1
INSTALL = "install it with: python3 scripts/bootstrap.py true (elsewhere: pip install 'squawk-cli>=2.70')"

# Whether its columns count bytes or characters: each character is one byte here.
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
# Its name in a comment starts an order to ignore findings, which a migration must not give.
_NAME = re.compile("squawk", re.IGNORECASE)


class SquawkFinding(NamedTuple):
    """A finding: its rule, its place in the script in characters, what is wrong and what to do ("" where missing)."""

    rule: str
    start: int
    message: str
    help: str


def ask(script: str, program: str | None = None) -> tuple[SquawkFinding, ...]:
    """Return everything that squawk (the environment's own, if not given) reports for a script.

    Raises:
        MissingPrerequisite: there is no squawk, or it doesn't work.
    """
    # squawk may not see that a comment ends at a carriage return, as PostgreSQL does.
    plain = _NAME.sub("xxxxxx", _NOT_ASCII.sub("x", script)).replace("\r", "\n")
    # Half of its rules apply only on request.
    wanted = (word for rule in SQUAWK if rule != UNREADABLE for word in ("--include", rule))
    try:
        done = subprocess.run(
            [program or find(), "--reporter", "json", "--config", os.devnull, *wanted],
            input=plain,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MissingPrerequisite(f"squawk, which judges migrations, does not run: {error}", INSTALL) from error
    if done.returncode not in {NO_FINDINGS, FINDINGS}:
        raise MissingPrerequisite(f"squawk, which judges migrations, failed: {done.stderr.strip()}", INSTALL)
    lines = [0, *(at + 1 for at, character in enumerate(plain) if character == "\n"), len(plain)]
    try:
        return tuple(
            SquawkFinding(
                rule=str(found["rule_name"]),
                start=lines[int(found["line"])] + int(found["column"]),
                message=str(found["message"]),
                help=str(found["help"] or ""),
            )
            for found in json.loads(done.stdout)
        )
    except (ValueError, LookupError, TypeError) as error:
        problem = done.stderr.strip() or "it did not answer as expected"
        raise MissingPrerequisite(f"squawk, which judges migrations, failed: {problem}", INSTALL) from error


def find() -> str:
    """Return the squawk beside this Python, else the one on the path."""
    found = shutil.which("squawk", path=str(Path(sys.executable).parent)) or shutil.which("squawk")
    if found is None:
        raise MissingPrerequisite("there is no squawk on this machine, which judges migrations", INSTALL)
    return found
