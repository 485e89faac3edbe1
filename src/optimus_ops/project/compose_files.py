"""The Compose files of a checkout and the name of its project, found as plain `docker compose` finds them.

COMPOSE_FILE (of the environment, else of the `.env` beside `tasks.py`) is the whole list; without it, the settings or
the conventional names say which file is the base. The project's name is COMPOSE_PROJECT_NAME, else that of the `.env`
beside the base, else that of the settings, else `name:` in the files, else the name of the base's folder.

https://docs.docker.com/compose/how-tos/environment-variables/envvars/
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

BASES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
OVERRIDES = tuple(f"{stem}.override.{suffix}" for stem in ("compose", "docker-compose") for suffix in ("yml", "yaml"))
FOLDER, BASE = "compose", "docker-compose.yml"
NAME_LINE = r"""(?m)^(?:name|"name"|'name')\s*:[ \t]*(?P<value>.+?)[ \t]*$"""


@dataclass(frozen=True)
class ComposeFiles:
    """The Compose files that are always on (the base may be missing), and the variables that they are read with.

    Args:
        complete: whether they are the whole list, so that the settings add nothing.
        variables: variables that Compose would not find by itself.
        dotenv: variables of the `.env` beside the base, if any of them is for Compose itself.
    """

    base: Path
    further: tuple[Path, ...] = ()
    complete: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)
    dotenv: Mapping[str, str] = field(default_factory=dict)

    def value(self, name: str, environ: Mapping[str, str]) -> str:
        """Return a variable of the environment, else of the `.env` files; "" if there is none."""
        return environ.get(name) or self.variables.get(name) or self.dotenv.get(name) or ""


def find_files(root: Path, environ: Mapping[str, str], folder: str | None, base: str | None) -> ComposeFiles:
    """Return the Compose files of a checkout, whose settings may name their folder and the base."""
    beside = {} if environ.get("COMPOSE_FILE") else _about_compose(root, root, environ)
    beside = beside if beside.get("COMPOSE_FILE") else {}
    listed = environ.get("COMPOSE_FILE") or beside.get("COMPOSE_FILE") or ""
    separator = environ.get("COMPOSE_PATH_SEPARATOR") or beside.get("COMPOSE_PATH_SEPARATOR") or ":"
    paths = [Path(os.path.normpath(root / path)) for path in listed.split(separator) if path]
    first, further = (paths[0], tuple(paths[1:])) if paths else _by_convention(root, folder, base)
    return ComposeFiles(first, further, bool(paths), beside, _about_compose(root, first.parent, {**environ, **beside}))


def env_files(root: Path, folder: Path, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Return the files of variables that Compose reads, the last of which wins: COMPOSE_ENV_FILES, else `.env`."""
    if environ.get("COMPOSE_DISABLE_ENV_FILE", "").lower() in {"1", "t", "true"}:
        return ()
    listed = environ.get("COMPOSE_ENV_FILES", "")
    return tuple(root / name for name in listed.split(",") if name) or (folder / ".env",)


def _about_compose(root: Path, folder: Path, environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return the variables of the files, if any may be for Compose itself; few have one, and each start asks."""
    for path in env_files(root, folder, environ):
        with contextlib.suppress(OSError):
            if b"COMPOSE_" in path.read_bytes():
                return read_env_files(root, folder, environ)
    return {}


def read_env_files(root: Path, folder: Path, environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return the variables of `env_files`, as far as these exist."""
    found: dict[str, str] = {}
    for path in env_files(root, folder, environ):
        if path.is_file():
            from optimus_ops.project.dotenv import read_dotenv  # noqa: PLC0415 - most starts have none

            found |= read_dotenv(path, {**found, **environ})
    return found


def _by_convention(root: Path, folder: str | None, base: str | None) -> tuple[Path, tuple[Path, ...]]:
    """Return the base and what belongs to it, where no list is given."""
    conventional = root / (folder or FOLDER) / (base or BASE)
    if base is not None or conventional.is_file():
        return conventional, ()
    # Only where plain `docker compose`, in this very folder, would read it by itself, an override is read here, too.
    for parent in [conventional.parent] if folder is not None else [conventional.parent, root]:
        for name in BASES:
            if (parent / name).is_file():
                overrides = (parent / override for override in OVERRIDES if parent == root)
                return parent / name, tuple(path for path in overrides if path.is_file())[:1]
    return conventional, ()


def name_in_files(files: tuple[Path, ...], variables: Mapping[str, str]) -> str:
    """Return `name:` of the last file that has one; "" if none has. The files need not parse."""
    for path in reversed(files):
        try:
            found = re.findall(NAME_LINE, path.read_text("utf-8", errors="replace"))
        except OSError:
            continue
        if found:
            from optimus_ops.project.dotenv import interpolate  # noqa: PLC0415 - as above

            return interpolate(_scalar(found[-1]), variables)
    return ""


def _scalar(text: str) -> str:
    """Return the value of a YAML scalar on one line."""
    quote = text[:1]
    if quote in {"'", '"'} and quote in text[1:]:
        return text[1 : text.index(quote, 1)]
    return re.split(r"\s#", text, maxsplit=1)[0].rstrip()


def folder_name(folder: Path) -> str:
    """Return the name that Compose gives a project by its folder: lower case, without invalid characters."""
    return re.sub(r"[^a-z0-9_-]", "", folder.name.lower()).lstrip("_-")
