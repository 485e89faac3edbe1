"""Settings of a project's releases, from its `pyproject.toml`:

[tool.optimus-ops.release]
changelog = "CHANGELOG.md"
version-files = ["services/*/pyproject.toml"]   # further files whose [project] version is the release's
locks = ["requirements/*.txt"]                  # what has to be locked
actions = true                                  # v1 follows v1.2.3 (invoke release.tag-actions)
try-in = "docs/examples/shop"                   # invoke release.try: the project in which
try = ["invoke --list"]                         # what is run with the installed distribution
"""  # noqa: D415 - an example ends it

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

from optimus_ops.errors import Refused
from optimus_ops.release.model import ReleaseSettings
from optimus_ops.release.version import parse_version

if TYPE_CHECKING:
    from pathlib import Path

    from packaging.version import Version

TEXTS = {"changelog": "changelog", "try-in": "try_in"}
LISTS = {"version-files": "version_files", "locks": "locks", "try": "try_commands"}
PROJECT_TABLE = re.compile(r"^\[project\][^\n]*\n(?P<body>(?:(?!\[)[^\n]*\n?)*)", re.MULTILINE)
VERSION_LINE = re.compile(r"""^(?P<before>version\s*=\s*)(?P<quote>["'])[^"'\n]*(?P=quote)""", re.MULTILINE)


def read_settings(root: Path) -> ReleaseSettings:
    """Read how a project is released.

    Raises:
        Refused: `pyproject.toml` is missing or malformed, or has no static version.
    """
    document = read_toml(root / "pyproject.toml")
    project = document.get("project", {})
    name, version = project.get("name"), project.get("version")
    if not isinstance(name, str) or not isinstance(version, str):
        raise Refused("pyproject.toml: [project] needs a name and a version", 'version = "0.1.0"')
    table: Any = document.get("tool", {}).get("optimus-ops", {}).get("release", {})
    return ReleaseSettings(
        name=name,
        version=parse_version(version, "pyproject.toml: version"),
        dependencies=tuple(project.get("dependencies", ())),
        **_stated(table),
    )


def _stated(table: Any) -> dict[str, Any]:
    where = "pyproject.toml: tool.optimus-ops.release"
    if not isinstance(table, dict):
        raise Refused(f"{where} must be a table")
    if unknown := sorted(set(table) - {*TEXTS, *LISTS, "actions"}):
        raise Refused(f"{where} knows no {', '.join(unknown)}")
    found: dict[str, Any] = {}
    for key, value in table.items():
        if key in LISTS and isinstance(value, list) and all(isinstance(item, str) for item in value):
            found[LISTS[key]] = tuple(value)
        elif key in TEXTS and isinstance(value, str):
            found[TEXTS[key]] = value
        elif key == "actions" and isinstance(value, bool):
            found[key] = value
        else:
            kind = "a list of texts" if key in LISTS else "a text" if key in TEXTS else "true or false"
            raise Refused(f"{where}.{key}: {kind} is wanted")
    return found


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        Refused: it is missing or malformed.
    """
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8"))
    except OSError as error:
        raise Refused(f"{path.name} can't be read: {error.strerror}") from error
    except ValueError as error:
        raise Refused(f"{path.name} can't be read: {error}") from error


def with_version(text: str, version: Version, where: str) -> str:
    """Return a TOML text with another `[project] version`, and nothing else changed.

    Raises:
        Refused: the version stands nowhere, or can't be changed by itself.
    """
    table = PROJECT_TABLE.search(text)
    body = VERSION_LINE.sub(rf"\g<before>\g<quote>{version}\g<quote>", table["body"], count=1) if table else ""
    changed = text[: table.start("body")] + body + text[table.end("body") :] if table else text
    try:
        old, new = tomllib.loads(text), tomllib.loads(changed)
        old["project"]["version"] = str(version)
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise Refused(f"{where}: no [project] version to change") from error
    if new != old:
        raise Refused(f"{where}: the version can't be changed by itself", 'write it as: version = "1.2.0"')
    return changed
