"""Where a checkout keeps its secrets and what describes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from optimus_ops.project import Project


@dataclass(frozen=True, slots=True)
class SecretsPaths:
    """Where a checkout keeps its secrets and what describes them."""

    example: Path
    secrets_file: Path
    secrets_dir: Path
    tenants_file: Path

    @classmethod
    def of(cls, project: Project) -> SecretsPaths:
        """Return a project's paths."""
        root = project.root
        return cls(root / ".env.example", project.secrets_file, project.secrets, root / "config" / "tenants.yaml")

    def __iter__(self) -> Iterator[Path]:
        """Give the paths in the order in which the room's functions take them."""
        return iter((self.example, self.secrets_file, self.secrets_dir, self.tenants_file))
