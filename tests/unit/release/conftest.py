"""A small distribution in a git repository."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "greetings"
version = "1.2.0" # the release's
description = "Greets."
requires-python = ">=3.11"
dependencies = ["Rich>=14", "packaging"]
license = "Apache-2.0"

[tool.hatch.build.targets.wheel]
packages = ["src/greetings"]

[tool.optimus-ops.release]
version-files = ["plugin/pyproject.toml"]
"""
CHANGELOG = """\
# Changelog

## [Unreleased]

### Added

- A greeting in Latin.

```
## not a headline
```

## [1.2.0] - 2026-01-31

- A greeting.

[Unreleased]: https://example.org/compare/v1.2.0...HEAD
[1.2.0]: https://example.org/releases/v1.2.0
"""
LOCK = """\
packaging==26.3 \\
    --hash=sha256:aa
rich==15.0.0 ; sys_platform == "linux" \\
    --hash=sha256:bb \\
    --hash=sha256:cc
    # via -r dev.in
"""
FILES = {
    "tasks.py": "from optimus_ops.tasks.root import make_namespace\n\nns = make_namespace()\n",
    ".gitignore": ".optimus\n/dist/\n*.secret\n",
    "pyproject.toml": PYPROJECT,
    "CHANGELOG.md": CHANGELOG,
    "plugin/pyproject.toml": '[project]\nname = "plugin"\nversion = "1.2.0"\n',
    "requirements/dev.txt": LOCK,
    "src/greetings/__init__.py": "",
    "src/greetings/latin.txt": "salve\n",
}
Git = Callable[..., str]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the distribution, which is the project that tasks find."""
    root = tmp_path / "greetings"
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    for variable in ("OPTIMUS_ROOT", "OPTIMUS_STATE_DIR", "SOURCE_DATE_EPOCH"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(root)
    git_in(root, "init", "-q", "-b", "main")
    commit(root)
    return root


@pytest.fixture
def git(project: Path) -> Git:
    """Return what runs git in the project."""
    return lambda *words: git_in(project, *words)


def git_in(root: Path, *words: str) -> str:
    command = ["git", "-C", str(root), "-c", "user.name=tests", "-c", "user.email=tests@localhost", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ}).stdout.strip()


def commit(root: Path) -> None:
    git_in(root, "add", "-A")
    git_in(root, "commit", "-q", "-m", "change")
