"""Where a checkout keeps its secrets and what describes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from optimus_ops.project.settings import Project
from optimus_ops.secrets.schema import describes_secrets


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

    @property
    def described(self) -> bool:
        """Whether the template is there and is one: others have a `.env.example`, too, which is no business of ours."""
        try:
            return describes_secrets(self.example.read_text("utf-8", errors="replace"))
        except OSError:
            return False
