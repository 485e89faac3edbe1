"""Copies a clean clone into the workspace of a job."""

import os
import shutil
import subprocess
import sys
from pathlib import Path


def clone_of(repository: str) -> Path:
    """Return where the run's clone of a repository is, or would be."""
    run = Path(os.environ["OPTIMUS_CI_FOLDER"])
    if repository.lower() == os.environ["GITHUB_REPOSITORY"].lower():
        return run / "checkout"
    return run / "others" / repository.lower().replace("/", "__")


def fail(message: str) -> int:
    """Report an error of the step."""
    print(f"::error title=not as on GitHub::{message}")
    return 1


def main() -> int:
    """Copy the clone; tell its commit, and warn where that is not what was asked for."""
    repository, ref = os.environ["REPOSITORY"] or os.environ["GITHUB_REPOSITORY"], os.environ["REF"]
    clone = clone_of(repository)
    if not clone.is_dir():
        return fail(f"{repository} is not on this machine: give invoke ci.run --replace {repository}=FOLDER")
    workspace = Path(os.environ["GITHUB_WORKSPACE"]).resolve()
    target = (workspace / os.environ["FOLDER"]).resolve()
    if not target.is_relative_to(workspace):
        return fail(f"path {os.environ['FOLDER']} is outside the workspace")
    shutil.copytree(clone, target, symlinks=True, dirs_exist_ok=True)
    head = ["git", "-C", str(clone), "rev-parse", "HEAD"]
    commit = subprocess.run(head, check=True, capture_output=True, text=True).stdout.strip()
    if ref not in {"", commit, *(os.environ.get(name) for name in ("GITHUB_REF", "GITHUB_REF_NAME", "GITHUB_SHA"))}:
        print(f"::warning title=not as on GitHub::{repository} is checked out at {commit[:12]}, not at {ref}")
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as file:
        file.write(f"commit={commit}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
