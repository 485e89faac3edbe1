"""Asking squawk (https://squawkhq.com), the linter for PostgreSQL migrations."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from optimus_ops.errors import MachineLacks
from optimus_ops.migrations.rules import SQUAWK, UNREADABLE

SECONDS = 60
NO_FINDINGS, FINDINGS = 0, 1
INSTALL = "install it with: python3 scripts/bootstrap.py true (elsewhere: pip install 'squawk-cli>=2.70')"

# Whether its columns count bytes or characters: each character is one byte here.
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
# Its name in a comment starts an order to ignore findings, which a migration must not give.
_NAME = re.compile("squawk", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SquawkFinding:
    """One finding of squawk.

    Args:
        rule: its name for it.
        start: the place in the script, in characters.
        message: what is wrong.
        help: what to do; "" if it doesn't say.
    """

    rule: str
    start: int
    message: str
    help: str


def ask(script: str, program: str | None = None) -> tuple[SquawkFinding, ...]:
    """Return everything that squawk reports for a script.

    Args:
        script: the SQL.
        program: the squawk to run; the environment's own if not given.

    Raises:
        MachineLacks: there is no squawk, or it doesn't work.
    """
    # PostgreSQL ends a comment at a carriage return too, squawk does not.
    plain = _NAME.sub("xxxxxx", _NOT_ASCII.sub("x", script)).replace("\r", "\n")
    try:
        done = subprocess.run(
            [program or find(), "--reporter", "json", "--config", os.devnull, *_opted_in()],
            input=plain,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MachineLacks(f"squawk, which judges migrations, does not run: {error}", INSTALL) from error
    if done.returncode not in {NO_FINDINGS, FINDINGS}:
        raise MachineLacks(f"squawk, which judges migrations, failed: {done.stderr.strip()}", INSTALL)
    starts = _line_starts(plain)
    try:
        return tuple(
            SquawkFinding(
                rule=str(found["rule_name"]),
                start=starts[int(found["line"])] + int(found["column"]),
                message=str(found["message"]),
                help=str(found["help"] or ""),
            )
            for found in json.loads(done.stdout)
        )
    except (ValueError, LookupError, TypeError) as error:
        problem = done.stderr.strip() or "it did not answer as expected"
        raise MachineLacks(f"squawk, which judges migrations, failed: {problem}", INSTALL) from error


def find() -> str:
    """Return the squawk beside this Python, else the one on the path.

    Raises:
        MachineLacks: there is none.
    """
    beside = str(Path(sys.executable).parent)
    found = shutil.which("squawk", path=beside) or shutil.which("squawk")
    if found is None:
        raise MachineLacks("there is no squawk on this machine, which judges migrations", INSTALL)
    return found


def _opted_in() -> tuple[str, ...]:
    """Return the flags for its rules that matter; half of them apply only on request."""
    return tuple(word for rule in SQUAWK if rule != UNREADABLE for word in ("--include", rule))


def _line_starts(script: str) -> list[int]:
    return [0, *(at + 1 for at, character in enumerate(script) if character == "\n"), len(script)]
