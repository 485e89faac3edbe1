"""Suites in JSONL: a case a line, with the keys of YAML; the first line may be what all cases share."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from optimus_ops.project.yaml_nodes import Node, YamlError
from optimus_ops.reports.place import Place


def read_lines(lines: Iterable[str], file: str) -> Iterator[Node]:
    """Give each line that is not blank as a value with its place.

    Raises:
        YamlError: a line is no JSON object, or has a key twice.
    """
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield _node(line, Place(file, number, 1))


def _node(line: str, place: Place) -> Node:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            raise YamlError(place, f"{next(name for name in names if names.count(name) > 1)!r} is already defined")
        return found

    try:
        value = json.loads(line, object_pairs_hook=unique)
        if isinstance(value, dict):
            return _with_place(value, place)
    except (ValueError, RecursionError) as error:
        raise YamlError(place, f"not JSON: {error}") from error
    raise YamlError(place, "a line is a JSON object: a case, or first what all cases share")


def _with_place(value: Any, place: Place) -> Node:
    if isinstance(value, dict):
        return Node({key: _with_place(each, place) for key, each in value.items()}, place)
    return Node([_with_place(each, place) for each in value] if isinstance(value, list) else value, place)
