"""Material for the tests of secrets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from optimus_ops.change.options import ChangeOptions
from optimus_ops.secrets import set_command
from optimus_ops.secrets.paths import SecretsPaths

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLE = """\
# Template and schema.

# Password of the database's owner.
# @generate=token(32) @consumers=postgres,migrations @required
POSTGRES_PASSWORD=

# Password of Redis.
# @generate=token(32)
# @consumers=redis,redis-cache,ai-engine @redis-acl=redis,redis-cache @required
REDIS_PASSWORD=

# API key of tenant *.
# @generate=token(32) @consumers=ai-engine,backend-orchestrator @required
# TENANT_*_API_KEY=

# Provider keys, comma-separated.
# @consumers=ai-engine @pattern=sk-[A-Za-z0-9-]+(,sk-[A-Za-z0-9-]+)*
OPENAI_API_KEYS=
"""
TENANTS = "tenants:\n  acme: {requests_per_minute: 60}\n  globex: {requests_per_minute: 60}\n"
GENERATED = ("POSTGRES_PASSWORD", "REDIS_PASSWORD", "TENANT_ACME_API_KEY", "TENANT_GLOBEX_API_KEY")


@dataclass(frozen=True)
class Checkout:
    """A checkout's files."""

    root: Path

    @classmethod
    def make(cls, root: Path, example: str = EXAMPLE, tenants: str = TENANTS) -> Checkout:
        (root / "config").mkdir(parents=True)
        checkout = cls(root)
        checkout.example.write_text(example, "utf-8")
        checkout.tenants_file.write_text(tenants, "utf-8")
        return checkout

    @property
    def example(self) -> Path:
        return self.root / ".env.example"

    @property
    def secrets_file(self) -> Path:
        return self.root / ".env.secrets"

    @property
    def secrets_dir(self) -> Path:
        return self.root / ".optimus" / "secrets"

    @property
    def tenants_file(self) -> Path:
        return self.root / "config" / "tenants.yaml"

    @property
    def paths(self) -> SecretsPaths:
        return SecretsPaths(self.example, self.secrets_file, self.secrets_dir, self.tenants_file)

    def write_secrets(self, text: str, mode: int = 0o600) -> None:
        self.secrets_file.write_text(text, "utf-8")
        self.secrets_file.chmod(mode)

    def projected(self) -> dict[str, str]:
        """Return `service/name` -> content of all projected files."""
        return {
            f"{path.parent.name}/{path.name}": path.read_text("utf-8")
            for path in self.secrets_dir.glob("*/*")
            if path.is_file()
        }


FULL_SCHEMA = f"""{EXAMPLE}
# Where alerts go.
# @operator @type=url @environments=production,staging @max-age=30d
ALERT_URL=

# Key of the mail server.
# @consumers=backend-orchestrator @required-in=production
MAIL_KEY=
"""
CANARY = "canary51c0"


def change(checkout: Checkout, key: str, options: ChangeOptions | None = None) -> None:
    set_command.change_value(key, options or ChangeOptions(), root=checkout.root)


def state_of(checkout: Checkout) -> dict[str, str]:
    return {".env.secrets": checkout.secrets_file.read_text("utf-8"), **checkout.projected()}
