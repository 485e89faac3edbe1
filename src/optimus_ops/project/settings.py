"""The Compose project of a checkout: its files, its name and its settings.

A project is described by convention, and by `[tool.optimus-ops]` in its `pyproject.toml` where it differs:
`docs/own-project.md` has an example of every setting.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from optimus_ops.errors import Refused
from optimus_ops.project.compose_files import ComposeFiles, find_files, folder_name, name_in_files, read_env_files

SETTINGS = frozenset(
    {
        *("name", "compose", "base", "overlays", "plain-overlays", "whole-stack-overlays"),
        *(
            "balancer",
            "migrations",
            "budgets",
            "subsystems",
            "workload",
            "secret-probes",
            "trace-probes",
            "load-tests",
            "evals",
            "affected",
            "release",
            "security",
            "images",
        ),
        "tests",
    }
)
ROOT_VARIABLE = "OPTIMUS_ROOT"
"""Names the project's folder where a task is called without one: `invoke` sets it, from `--search-root`."""
PROJECT_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


@dataclass(frozen=True)
class Project:
    """A Compose project in a checkout.

    Args:
        overlays: those that are always on, in order.
        state: folder for locks, journals, logs and projected secrets.
        secrets: folder of the projected secrets.
        secrets_file: the operator's one source of secrets.
        further: Compose files that follow the base, before any overlay: the rest of COMPOSE_FILE, or an override.
        variables: variables that the files are read with beside those of the environment.
        named_by: what gave the project its name: "environment", "settings", "files" or "folder".
        stated: the settings that the project's `pyproject.toml` states.
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
    images: Mapping[str, Any] = field(default_factory=dict)
    further: tuple[Path, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    named_by: str = "settings"
    stated: frozenset[str] = frozenset()
    subsystems: tuple[str, ...] = ()
    workload: str = ""
    secret_probes: str = ""
    trace_probes: str = ""
    load_tests: str = ""
    evals: str = ""
    plain_overlays: tuple[str, ...] = ()
    whole_stack_overlays: tuple[str, ...] = ()

    @property
    def always(self) -> tuple[Path, ...]:
        """The Compose files that are always on, whether they exist or not."""
        overlays = (self.compose / overlay_file(self.base, name) for name in self.overlays)
        return tuple(dict.fromkeys([self.compose / self.base, *self.further, *overlays]))

    @property
    def optional_overlays(self) -> tuple[str, ...]:
        """Return the overlays that tasks have a flag for: those that have a file and are not always on."""
        stem, _, suffix = self.base.rpartition(".")
        files = (path for path in sorted(self.compose.glob(f"{stem}.*.{suffix}")) if path not in self.always)
        names = (path.name.removeprefix(f"{stem}.").removesuffix(f".{suffix}") for path in files)
        return tuple(name for name in names if name not in self.plain_overlays)

    @property
    def real_folder(self) -> str:
        """The folder of the base without symbolic links, as in `Replica.folder`."""
        return os.path.realpath(self.compose)

    def files(self, extra: Sequence[str] = ()) -> tuple[Path, ...]:
        """Return the Compose files for the overlays that are always on and the `extra` ones, which must have a file."""
        asked = (self.compose / overlay_file(self.base, name) for name in extra)
        paths = tuple(dict.fromkeys([*self.always, *asked]))
        for path in paths:
            if not path.is_file():
                known = ", ".join(sorted(found.name for found in self.compose.glob("*.y*ml"))) or "none"
                raise Refused(f"no Compose file {_shown(path, self.root)}", f"files there: {known}")
        return paths


def _names(table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    return tuple(str(name) for name in table.get(key, ()))


def overlay_file(base: str, overlay: str) -> str:
    """Return the file name of an overlay: `docker-compose.yml` and `scale` give `docker-compose.scale.yml`."""
    stem, _, suffix = base.rpartition(".")
    return f"{stem}.{overlay}.{suffix}"


def load_project(root: Path | None = None, environ: Mapping[str, str] | None = None) -> Project:
    """Read the project of a checkout: that of `OPTIMUS_ROOT`, else of the nearest folder upwards with a `tasks.py`."""
    environ = os.environ if environ is None else environ
    root = (root or Path(environ.get(ROOT_VARIABLE) or find_root(Path.cwd()))).resolve()
    table = _settings(root / "pyproject.toml")
    found = find_files(root, environ, _text(table, "compose"), _text(table, "base"))
    name, named_by = _name(root, found, table, environ)
    budgets, images = (_table(table, key) for key in ("budgets", "images"))
    state = root / (environ.get("OPTIMUS_STATE_DIR") or ".optimus")
    return Project(
        root=root,
        name=name,
        compose=found.base.parent,
        base=found.base.name,
        overlays=() if found.complete else _names(table, "overlays"),
        balancer=str(table.get("balancer", "nginx-lb")),
        migrations=str(table.get("migrations", "migrations")),
        state=state,
        secrets=root / (environ.get("OPTIMUS_SECRETS_DIR") or state / "secrets"),
        secrets_file=root / (environ.get("OPTIMUS_SECRETS_FILE") or ".env.secrets"),
        budgets=budgets,
        images=images,
        further=found.further,
        variables={**found.variables, "COMPOSE_PROFILES": found.value("COMPOSE_PROFILES", environ)},
        named_by=named_by,
        stated=frozenset(table),
        subsystems=_names(table, "subsystems"),
        workload=str(table.get("workload", "")),
        secret_probes=str(table.get("secret-probes", "")),
        trace_probes=str(table.get("trace-probes", "")),
        load_tests=str(table.get("load-tests", "")),
        evals=str(table.get("evals", "")),
        plain_overlays=_names(table, "plain-overlays"),
        whole_stack_overlays=_names(table, "whole-stack-overlays"),
    )


def _table(table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = table.get(key, {})
    if not isinstance(found, dict):
        raise Refused(f"tool.optimus-ops.{key} must be a table")
    return found


def _text(table: Mapping[str, Any], key: str) -> str | None:
    return None if key not in table else str(table[key])


def _name(root: Path, found: ComposeFiles, table: Mapping[str, Any], environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the project's name, and what gave it."""
    if name := found.value("COMPOSE_PROJECT_NAME", environ):
        named_by = "environment"
    elif name := _text(table, "name") or "":
        named_by = "settings"
    elif name := name_in_files((found.base, *found.further), _variables(root, found, environ)):
        named_by = "files"
    else:
        # Where the files are missing, the name of the checkout.
        name, named_by = folder_name(found.base.parent if found.base.parent.is_dir() else root), "folder"
    if not PROJECT_NAME.fullmatch(name):
        raise Refused(
            f"bad project name {name!r}", "use lower-case letters, digits, '-' and '_' (COMPOSE_PROJECT_NAME)"
        )
    return name, named_by


def _variables(root: Path, found: ComposeFiles, environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return what variables in the Compose files stand for."""
    return {**read_env_files(root, found.base.parent, environ), **found.variables, **environ}


def check_name(project: Project, environ: Mapping[str, str] | None = None) -> None:
    """Refuse a name of the settings where plain `docker compose` would take another one: a second stack would run."""
    if project.named_by != "settings" or "name" not in project.stated:
        return
    environ = os.environ if environ is None else environ
    variables = {**read_env_files(project.root, project.compose, environ), **project.variables, **environ}
    other = name_in_files(project.always, variables)
    if other not in {"", project.name}:
        raise Refused(
            f"the project has two names: {project.name} in [tool.optimus-ops], {other} in the Compose files",
            "let both say the same, or leave one out: under another name a second stack would start",
        )


def find_root(start: Path) -> Path:
    """Return the nearest folder from `start` upwards that has a `tasks.py`, as Invoke looks for it; else `start`."""
    return next((folder for folder in (start, *start.parents) if (folder / "tasks.py").is_file()), start)


def _settings(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        return {}
    try:
        table = _own_table(path.read_text("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refused(f"{path.name} can't be read: {error}") from error
    if not isinstance(table, dict):
        raise Refused(f"{path.name}: tool.optimus-ops must be a table")
    if unknown := sorted(set(table) - SETTINGS):
        raise Refused(f"{path.name}: tool.optimus-ops knows no {', '.join(unknown)}")
    return table


@lru_cache(maxsize=4)
def _own_table(text: str) -> Any:
    """Return our table of a `pyproject.toml`; tasks ask several times, and parsing takes longer than reading."""
    return tomllib.loads(text).get("tool", {}).get("optimus-ops", {})


def _shown(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
