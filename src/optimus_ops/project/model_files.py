"""Input files of a merged Compose model: those named, and those that they include, extend or read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from optimus_ops.project.dotenv import interpolate, read_dotenv

VARIABLE = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)")

_SafeLoader: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class ComposeLoader(_SafeLoader):  # type: ignore[misc]  # the C loader has no stub
    """A safe YAML loader that reads Compose's own tags (`!reset`, `!override`) as the values behind them."""


def _untagged(loader: Any, _suffix: str, node: Any) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)


ComposeLoader.add_multi_constructor("!", _untagged)


def read_compose(path: Path) -> Mapping[str, Any]:
    """Return the mapping in a Compose file, nothing merged; empty if it is none."""
    try:
        document = yaml.load(path.read_bytes(), Loader=ComposeLoader)  # noqa: S506 - a subclass of the safe loader
    except (OSError, ValueError, TypeError, yaml.YAMLError):
        return {}
    return document if isinstance(document, dict) else {}


def inputs_of(files: Sequence[Path], environ: Mapping[str, str], env_files: Sequence[Path] = ()) -> tuple[Path, ...]:
    """Return every file that the model depends on, in the order in which they are named; some may be missing.

    Variables in paths are those of `environ`, else of `env_files`.
    """
    if not files:
        return ()
    folder = files[0].parent
    found: dict[Path, None] = dict.fromkeys(env_files)
    read: dict[str, str] = {}
    for path in env_files:
        read |= read_dotenv(path, {**read, **environ})
    variables: Mapping[str, str] = {**read, **environ}
    waiting: list[tuple[Path, Path, Mapping[str, str]]] = [(path, folder, variables) for path in files]
    while waiting:
        path, folder, variables = waiting.pop(0)
        if path in found:
            continue
        found[path] = None
        document = read_compose(path)
        for name in _environment_files(document):
            found.setdefault(folder / interpolate(name, variables))
        for name in _extended(document):
            extended = folder / interpolate(name, variables)
            # Paths in an extended file start at its own folder.
            waiting.append((extended, extended.parent, variables))
        waiting.extend(_included(document, folder, variables, found))
    return tuple(found)


def _included(
    document: Mapping[str, Any], folder: Path, variables: Mapping[str, str], found: dict[Path, None]
) -> Iterator[tuple[Path, Path, Mapping[str, str]]]:
    """Yield the files that `include:` names, each with the folder and variables that it is read with."""
    for entry in _listed(document.get("include")):
        include = entry if isinstance(entry, dict) else {"path": entry}
        paths = [folder / interpolate(str(path), variables) for path in _listed(include.get("path"))]
        if not paths:
            continue
        base = folder / str(include["project_directory"]) if include.get("project_directory") else paths[0].parent
        own = [folder / interpolate(str(name), variables) for name in _listed(include.get("env_file"))]
        inside: dict[str, str] = {}
        for env_file in own or [base / ".env"]:
            found.setdefault(env_file)
            inside |= read_dotenv(env_file, variables)
        yield from ((path, base, {**inside, **variables}) for path in paths)


def _environment_files(document: Mapping[str, Any]) -> Iterator[str]:
    for service in _services(document):
        for entry in _listed(service.get("env_file")):
            yield str(entry.get("path", "") if isinstance(entry, dict) else entry)


def _extended(document: Mapping[str, Any]) -> Iterator[str]:
    extended = (service.get("extends") for service in _services(document))
    return (str(extends["file"]) for extends in extended if isinstance(extends, dict) and extends.get("file"))


def _services(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    services = document.get("services")
    return (entry for entry in (services.values() if isinstance(services, dict) else ()) if isinstance(entry, dict))


def _listed(value: object) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def variables_in(texts: Sequence[bytes]) -> tuple[str, ...]:
    """Return the names of all variables that texts may refer to."""
    names = {name for text in texts for name in VARIABLE.findall(text.decode("utf-8", "replace"))}
    return tuple(sorted(names))
