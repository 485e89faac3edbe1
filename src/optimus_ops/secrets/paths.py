"""Where a checkout keeps its secrets and what describes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from optimus_ops.errors import Refused
from optimus_ops.project.settings import Project
from optimus_ops.secrets.ages import AgeBook
from optimus_ops.secrets.retired import RetiredValues
from optimus_ops.secrets.schema import describes_secrets
from optimus_ops.secrets.versions import VersionStore


@dataclass(frozen=True, slots=True)
class SecretsPaths:
    """Where a checkout keeps its secrets and what describes them.

    Args:
        ages: where their ages are noted; None: nowhere.
        delivered: whether services get their files from this file of secrets, and not from another one.
        environment: the one that is asked about; "" for none in particular.
        versions: where what they were before each change is kept; None: nowhere.
        retired: what is known of values that no target accepts any more; None: nothing.
    """

    example: Path
    secrets_file: Path
    secrets_dir: Path
    tenants_file: Path
    ages: AgeBook | None = None
    delivered: bool = True
    environment: str = ""
    project: str = ""
    versions: VersionStore | None = None
    retired: RetiredValues | None = None

    @classmethod
    def of(cls, project: Project) -> SecretsPaths:
        """Return a project's paths."""
        root = project.root
        tenants = root / "config" / "tenants.yaml"
        return cls(
            root / ".env.example",
            project.secrets_file,
            project.secrets,
            tenants,
            AgeBook(project.state),
            project=project.name,
            versions=VersionStore(project.state / "secret-versions"),
            retired=RetiredValues(project.state),
        )

    @property
    def described(self) -> bool:
        """Whether the template is there and is one: others have a `.env.example`, too, which is no business of ours."""
        try:
            return describes_secrets(self.example.read_text("utf-8", errors="replace"))
        except OSError:
            return False


def described_paths(project: Project) -> SecretsPaths:
    """Return a project's paths."""
    paths = SecretsPaths.of(project)
    if paths.example.is_file() and not paths.described:
        raise Refused(
            f"{paths.example.name} describes no secrets",
            "say above a key who makes or reads it, as in: # @generate=token(32) @consumers=web",
        )
    return paths
