"""`secrets.check-security` of a repository with 10,000 objects and the images of the platform."""

from __future__ import annotations

import json
import random
import secrets
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.platform_under_test import ROOT, inherited_environ
from benchmarks.section import Blocks, paragraph, samples
from optimus_ops.reports.measurement import Objective
from optimus_ops.reports.model import Table
from optimus_ops.security.check.areas import AREAS

COMMITS = 2500
"""Each has four objects: itself, two trees and a file."""
KEYS = 200
LEAKS = 25
MOST_SECONDS = 60.0
INVOKE = str(ROOT / ".venv" / "bin" / "invoke")
GIT = ("git", "-c", "user.name=Benchmark", "-c", "user.email=benchmark@example.com")
COPIED = ("compose", "config", "services")


@dataclass(frozen=True)
class Check:
    """One check: its seconds, and what its report says."""

    seconds: float
    document: dict[str, object]


def measure(runs: int) -> Blocks:
    """Measure the check, and that it finds all that was planted."""
    with tempfile.TemporaryDirectory(prefix="optimus-benchmark-") as folder:
        root = Path(folder) / "checkout"
        planted = make_repository(root)
        checks = [check(root, planted) for _ in range(runs)]
    seconds = [found.seconds for found in checks]
    areas = [area for found in checks for area in found.document["scanners"]]  # type: ignore[attr-defined]  # JSON
    rows = tuple(
        (name, f"{statistics.median(area['seconds'] for area in areas if area['name'] == name):.1f}", looked_at)
        for name, looked_at in ((area["name"], area["reason"]) for area in areas[: len(AREAS)])
    )
    rules = sum(len(area.rules) for area in AREAS)
    basis = f"median of {runs}; 4 x {COMMITS:,} objects, {KEYS} keys, {planted} values planted and found, {rules} rules"
    name = "secrets.check-security, everything"
    return (
        Objective(name, "at most", MOST_SECONDS, statistics.median(seconds), "s", basis=basis),
        Table(("area", "seconds", "looked at"), rows, frozenset({"seconds"})),
        paragraph("Nothing of the stack runs meanwhile: `containers` and `running` have nothing to look at."),
        samples({"secrets.check-security": seconds}),
    )


def check(root: Path, planted: int) -> Check:
    """Check a checkout; what was planted has to be found, and all areas looked at."""
    started = time.monotonic()
    done = subprocess.run(
        [INVOKE, "secrets.check-security", "--json"],
        cwd=root,
        env={**inherited_environ(), "COMPOSE_PROJECT_NAME": "optimus-benchmark-check"},
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.monotonic() - started
    if done.returncode != 1:
        raise RuntimeError(f"check-security ended with {done.returncode}: {done.stderr[-2000:]}")
    document = json.loads(done.stdout)
    if silent := [area["name"] for area in document["scanners"] if area["state"] != "done"]:
        raise RuntimeError(f"check-security could not look at {', '.join(silent)}")
    found = {finding["message"] for finding in document["findings"] if finding["rule"] == "git/secret-value"}
    if len(found) != planted:
        raise RuntimeError(f"check-security found {len(found)} of {planted} values")
    return Check(seconds, document)


def make_repository(root: Path) -> int:
    """Make a checkout of this platform with a history of its own; return how many values are in it."""
    clutter = shutil.ignore_patterns("__pycache__", ".*_cache", "tests")
    for name in COPIED:
        shutil.copytree(ROOT / name, root / name, ignore=clutter)
    for name in ("tasks.py", "pyproject.toml", ".env.models", ".env.example", ".gitignore", ".dockerignore"):
        shutil.copy2(ROOT / name, root / name)
    keys = {f"BENCHMARK_{number}_KEY": secrets.token_urlsafe(32) for number in range(KEYS)}
    schema = "".join(f"\n# A key.\n# @operator\n{name}=\n" for name in keys)
    with (root / ".env.example").open("a", encoding="utf-8") as file:
        file.write(schema)
    git(root, "init", "--quiet", "--initial-branch=main")
    leaks = list(keys.values())[:LEAKS]
    subprocess.run(
        [*GIT, "fast-import", "--quiet"], cwd=root, input=b"".join(history(leaks)), check=True, capture_output=True
    )
    git(root, "reset", "--quiet", "main")
    (root / ".env.secrets").touch(mode=0o600)
    with (root / ".env.secrets").open("a", encoding="utf-8") as file:
        file.writelines(f"{name}={value}\n" for name, value in keys.items())
    subprocess.run([INVOKE, "secrets.init"], cwd=root, env=inherited_environ(), check=True, capture_output=True)
    return len(leaks)


def history(leaks: list[str]) -> Iterator[bytes]:
    """Give a history for `git fast-import`: files of code that change, some of which hold a value for one commit.

    Format: https://git-scm.com/docs/git-fast-import
    """
    chance = random.Random(1)  # noqa: S311 - the same repository each time
    sources = [path.read_bytes() for path in sorted((ROOT / "src").rglob("*.py")) if path.stat().st_size]
    for number in range(COMMITS):
        content = chance.choice(sources) + f"\n# {number}\n".encode()
        if number % (COMMITS // len(leaks)) == 0:
            content += leaks[number // (COMMITS // len(leaks))].encode()
        yield f"commit refs/heads/main\ncommitter B <b@example.com> {number} +0000\ndata 7\nchange\n".encode()
        yield f"M 644 inline module_{number % 50}/file_{number % 7}.py\ndata {len(content)}\n".encode()
        yield content + b"\n"


def git(folder: Path, *words: str) -> None:
    """Run git in a folder."""
    subprocess.run([*GIT, *words], cwd=folder, check=True, capture_output=True)
