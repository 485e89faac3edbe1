"""Which Compose project is run: where its files are, its name, and what the checkout says about it.

A project is described by convention, and by `[tool.optimus-ops]` in its `pyproject.toml` where it differs:

    [tool.optimus-ops]
    name = "optimus"                # Compose project name; COMPOSE_PROJECT_NAME wins
    compose = "compose"             # folder of the Compose files
    base = "docker-compose.yml"     # the base file; overlays are named docker-compose.<overlay>.yml
    overlays = ["scale"]            # overlays that are always on
    balancer = "nginx-lb"           # the service that routes to the replicas
    migrations = "migrations"       # the one-shot job that must succeed before replicas start
    [tool.optimus-ops.budgets]      # what is kept back (docs/budgets.md)
    operator-connections = 5
"""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimus_ops.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PROJECT_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


@dataclass(frozen=True)
class Project:
    """A Compose project in a checkout.

    Args:
        root: the checkout.
        name: the Compose project name.
        compose: folder of the Compose files.
        base: file name of the base.
        overlays: overlays that are always on, in order.
        balancer: name of the service that routes to replicas.
        migrations: name of the one-shot job before replicas.
        state: folder for locks, journals, logs and projected secrets.
        secrets: folder of the projected secrets.
        secrets_file: the operator's one source of secrets.
        budgets: settings of what is kept back of connections, memory and processors.
    """

    root: Path
    name: str
    compose: Path
    base: str
    overlays: tuple[str, ...]
    balancer: str
    migrations: str
    state: Path
    secrets: Path
    secrets_file: Path
    budgets: Mapping[str, object] = field(default_factory=dict)

    def files(self, extra: Sequence[str] = ()) -> tuple[Path, ...]:
        """Return the Compose files for the overlays that are always on and the `extra` ones.

        Raises:
            Refused: an overlay has no file.
        """
        names = dict.fromkeys([*self.overlays, *extra])
        paths = (self.compose / self.base, *(self.compose / overlay_file(self.base, name) for name in names))
        for path in paths:
            if not path.is_file():
                known = ", ".join(sorted(found.name for found in self.compose.glob("*.yml"))) or "none"
                raise Refused(f"no Compose file {_shown(path, self.root)}", f"files there: {known}")
        return paths


def overlay_file(base: str, overlay: str) -> str:
    """Return the file name of an overlay: `docker-compose.yml` and `scale` give `docker-compose.scale.yml`."""
    stem, _, suffix = base.rpartition(".")
    return f"{stem}.{overlay}.{suffix}"


def load_project(root: Path | None = None, environ: Mapping[str, str] | None = None) -> Project:
    """Read the project of a checkout.

    Args:
        root: the checkout; if not given, the nearest folder from the current one upwards that has a `tasks.py`.
        environ: the environment; `COMPOSE_PROJECT_NAME`, `OPTIMUS_STATE_DIR`, `OPTIMUS_SECRETS_DIR` and
            `OPTIMUS_SECRETS_FILE` are read.

    Raises:
        Refused: the settings or the project name are malformed.
    """
    root = (root or find_root(Path.cwd())).resolve()
    environ = os.environ if environ is None else environ
    table = _settings(root / "pyproject.toml")
    name = environ.get("COMPOSE_PROJECT_NAME") or str(table.get("name", root.name.lower()))
    if not PROJECT_NAME.fullmatch(name):
        raise Refused(
            f"bad project name {name!r}", "use lower-case letters, digits, '-' and '_' (COMPOSE_PROJECT_NAME)"
        )
    budgets = table.get("budgets", {})
    if not isinstance(budgets, dict):
        raise Refused("tool.optimus-ops.budgets must be a table")
    state = root / (environ.get("OPTIMUS_STATE_DIR") or ".optimus")
    return Project(
        root=root,
        name=name,
        compose=root / str(table.get("compose", "compose")),
        base=str(table.get("base", "docker-compose.yml")),
        overlays=tuple(str(overlay) for overlay in table.get("overlays", ())),
        balancer=str(table.get("balancer", "nginx-lb")),
        migrations=str(table.get("migrations", "migrations")),
        state=state,
        secrets=root / (environ.get("OPTIMUS_SECRETS_DIR") or state / "secrets"),
        secrets_file=root / (environ.get("OPTIMUS_SECRETS_FILE") or ".env.secrets"),
        budgets=budgets,
    )


def find_root(start: Path) -> Path:
    """Return the nearest folder from `start` upwards that has a `tasks.py`, as Invoke looks for it; else `start`."""
    return next((folder for folder in (start, *start.parents) if (folder / "tasks.py").is_file()), start)


def _settings(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        return {}
    try:
        table = tomllib.loads(path.read_text("utf-8")).get("tool", {}).get("optimus-ops", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refused(f"{path.name} can't be read: {error}") from error
    if not isinstance(table, dict):
        raise Refused(f"{path.name}: tool.optimus-ops must be a table")
    unknown = sorted(set(table) - {"name", "compose", "base", "overlays", "balancer", "migrations", "budgets"})
    if unknown:
        raise Refused(f"{path.name}: tool.optimus-ops knows no {', '.join(unknown)}")
    return table


def _shown(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
