"""A checkout with workflows, as a git repository."""

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

Checkout = Callable[[Mapping[str, str]], Path]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Return what writes files into a folder and commits them."""

    def write(files: Mapping[str, str]) -> Path:
        root = tmp_path / ("other" if (tmp_path / "checkout").exists() else "checkout")
        for name, text in {"tasks.py": "", ".gitignore": ".optimus\n", **files}.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        git = ["git", "-C", str(root), "-c", "user.name=tests", "-c", "user.email=tests@localhost"]
        for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "start"]):
            subprocess.run([*git, *command], check=True)
        return root

    return write
