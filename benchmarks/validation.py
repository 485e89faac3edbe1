"""Validation of secrets: `invoke secrets.validate` of 200 keys."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from benchmarks.ci import TASKS, over_invoke, processor_seconds, seconds_of
from benchmarks.figures import interleave
from benchmarks.platform_under_test import ROOT
from benchmarks.section import Blocks, samples
from benchmarks.startup import list_seconds

KEYS = 200
MOST_SECONDS = 0.3


def measure(pairs: int) -> Blocks:
    """Measure pairs of it and of Invoke alone, each first in turn; one more pair fills caches before."""
    with tempfile.TemporaryDirectory(prefix="optimus-benchmark-") as folder:
        empty, project = Path(folder) / "empty", Path(folder) / "project"
        for made in (empty, project):
            made.mkdir()
        (empty / "tasks.py").touch()
        make_project(project)
        ways = (
            lambda: processor_seconds(lambda: list_seconds(ROOT, empty, code=1)),
            lambda: processor_seconds(lambda: seconds_of(project, "secrets.validate")),
        )
        bare, validated = (found[1:] for found in interleave(ways, pairs + 1))
    name = f"secrets.validate of {KEYS} keys"
    return over_invoke(name, MOST_SECONDS, validated, bare), samples({name: validated, "empty tasks.py": bare})


def make_project(root: Path) -> None:
    """Make a checkout with a schema of so many keys, and a file with a value for each."""
    names = [f"SERVICE_{number}_TOKEN" for number in range(KEYS)]
    entry = "# Token of a service.\n# @type=key @consumers=web @required @max-age=365d @pattern=[a-z0-9]{40}\n"
    (root / "tasks.py").write_text(TASKS, "utf-8")
    (root / ".gitignore").write_text(".env.secrets\n.optimus\n", "utf-8")
    (root / ".env.example").write_text("\n".join(f"{entry}{name}=\n" for name in names), "utf-8")
    secrets = root / ".env.secrets"
    secrets.write_text("".join(f"{name}={os.urandom(20).hex()}\n" for name in names), "utf-8")
    secrets.chmod(0o600)
