"""Finds the Python that a workflow asks for, and puts it first in PATH."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

VERSION = "import platform; print(platform.python_version())"


def find(wanted: str) -> tuple[str, str]:
    """Return the interpreter of a version such as 3.12, and its version; else the one that runs this."""
    numbers = wanted.split(".")
    named = shutil.which(f"python{'.'.join(numbers[:2])}") if all(number.isdecimal() for number in numbers) else None
    for interpreter in filter(None, (named, sys.executable)):
        # A shim of pyenv has the name of a version that may not be active: it is there, and fails.
        done = subprocess.run([interpreter, "-c", VERSION], check=False, capture_output=True, text=True)
        if done.returncode == 0:
            return interpreter, done.stdout.strip()
    raise SystemExit("no Python runs here")


def main() -> None:
    """Write the outputs, the PATH and, where the version is another one, a warning."""
    wanted = os.environ.get("WANTED", "").strip()
    interpreter, version = find(wanted)
    if wanted and not f"{version}.".startswith(f"{wanted.removesuffix('.x')}."):
        print(f"::warning title=not as on GitHub::Python {wanted} is not installed here: runs with {version}")
    folder = Path(os.environ["RUNNER_TEMP"]) / f"python-{version}" / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("python", "python3", f"python{'.'.join(version.split('.')[:2])}"):
        link = folder / name
        link.unlink(missing_ok=True)
        link.write_text(f'#!/bin/sh\nexec {interpreter} "$@"\n', "utf-8")
        link.chmod(0o755)
    for variable, line in (
        ("GITHUB_PATH", str(folder)),
        ("GITHUB_OUTPUT", f"python-version={version}"),
        ("GITHUB_OUTPUT", f"python-path={interpreter}"),
    ):
        with Path(os.environ[variable]).open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")


if __name__ == "__main__":
    main()
