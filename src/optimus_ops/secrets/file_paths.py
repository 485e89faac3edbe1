"""Where files of secrets may be; without what reads them, since each task that prints asks."""

from __future__ import annotations

from pathlib import Path

BASE = ".env.secrets"
ARCHIVES = frozenset({".gpg", ".age", ".asc"})
"""Ends of the names of encrypted files."""


def secret_file_paths(root: Path, file: Path) -> frozenset[Path]:
    """Return where files of secrets may be: `file`, and those of environments beside it and in the checkout."""
    beside = file.parent
    found = {file, *root.glob(f"{BASE}*"), *beside.glob(f"{BASE}*"), *beside.glob(f"{file.name}.*")}
    return frozenset(path for path in found if path == file or path.suffix not in ARCHIVES)
