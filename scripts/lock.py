"""Lock every requirements file: exact versions and hashes, for all platforms and Pythons, without index addresses.

`python3 scripts/lock.py` keeps the versions that are locked already; `--upgrade` takes the newest ones.
The services' locks are constrained by the development lock, so that tests import what the images run.
Needs `uv`, which the environment has. Exit codes: 0 done, 1 a lock failed, 3 uv is missing.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

OLDEST_PYTHON = "3.11"
DEVELOPMENT_LOCK = "requirements/dev.txt"
SHARED_KIT = "kit"  # its requirements are part of every service's lock


@dataclass(frozen=True)
class Lock:
    """One requirements file and the lock made from it; paths are relative to the checkout."""

    source: str
    target: str
    constraint: str | None = None
    alone: bool = False  # without what the named packages depend on

    def command(self, uv: str, *, upgrade: bool) -> list[str]:
        """Return the `uv pip compile` command that writes this lock."""
        return [
            *(uv, "pip", "compile", self.source, "--output-file", self.target, "--quiet", "--no-config"),
            *("--universal", "--python-version", OLDEST_PYTHON, "--generate-hashes"),
            *("--no-emit-index-url", "--no-emit-find-links", "--custom-compile-command", "python3 scripts/lock.py"),
            *(("--constraint", self.constraint) if self.constraint else ()),
            *(("--no-deps",) if self.alone else ()),
            *(("--upgrade",) if upgrade else ()),
        ]


def locks(checkout: Path) -> tuple[Lock, ...]:
    """Return the locks of the checkout in the order they have to be made: development first."""
    folders = sorted(path.parent.relative_to(checkout) for path in checkout.glob("services/*/requirements.in"))
    return (
        Lock("requirements/dev.in", DEVELOPMENT_LOCK),
        *(Lock(f"requirements/tools/{name}.in", f"requirements/tools/{name}.txt") for name in ("node", "trivy")),
        *(
            Lock(f"compose/airgap/{name}/requirements.in", f"compose/airgap/{name}/requirements.txt", alone=True)
            for name in ("alloy", "qryn")
        ),
        Lock("compose/autoscaler/requirements.in", "compose/autoscaler/requirements.txt", DEVELOPMENT_LOCK),
        *(
            Lock(f"{folder}/requirements.in", f"{folder}/requirements.txt", DEVELOPMENT_LOCK)
            for folder in folders
            if folder.name != SHARED_KIT
        ),
    )


def main(arguments: list[str]) -> int:
    """Make every lock and return the exit code."""
    parser = argparse.ArgumentParser(description="Lock every requirements file.")
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions instead of the locked ones")
    options = parser.parse_args(arguments)
    uv = shutil.which("uv")
    if uv is None:
        print("Locking needs uv: run it by `python3 scripts/bootstrap.py python -m scripts.lock`.", file=sys.stderr)
        return 3
    checkout = Path(__file__).resolve().parent.parent
    for lock in locks(checkout):
        print(f"{lock.source} -> {lock.target}", flush=True)
        command = lock.command(uv, upgrade=options.upgrade)
        if subprocess.run(command, cwd=checkout, check=False).returncode != 0:
            print(f"{lock.target} was not locked: see uv's message above.", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
