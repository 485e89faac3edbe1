"""YAML files of a repository, each parsed when it is first wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from optimus_ops.guardrails.python_source import MOST_BYTES
from optimus_ops.guardrails.sources import SourceFile
from optimus_ops.project.yaml_nodes import Node, YamlError, parse_yaml
from optimus_ops.reports.place import Place

SUFFIXES = (".yml", ".yaml")


@dataclass(frozen=True)
class YamlFiles:
    """The files by their paths; `parsed` is by path and content, so that head and base can share it."""

    files: Mapping[str, SourceFile]
    parsed: dict[tuple[str, str], Node | YamlError] = field(default_factory=dict)

    def node(self, path: str) -> Node | None:
        """Return a file's value; None if there is no such file.

        Raises:
            YamlError: it is not UTF-8, no YAML, too large or nested too deeply.
        """
        file = self.files.get(path)
        if file is None:
            return None
        key = path, file.key
        if key not in self.parsed:
            self.parsed[key] = _parsed(path, file)
        found = self.parsed[key]
        if isinstance(found, YamlError):
            raise found
        return found

    def text(self, path: str) -> str:
        """Return a file's text, as far as it is one."""
        data = self.files[path].read()
        return data.decode("utf-8", "replace") if len(data) <= MOST_BYTES else ""


def _parsed(path: str, file: SourceFile) -> Node | YamlError:
    data = file.read()
    if len(data) > MOST_BYTES:
        return YamlError(Place(path), f"{len(data):,} bytes, at most {MOST_BYTES:,}")
    try:
        return parse_yaml(data.decode("utf-8-sig"), path, merge_keys=True)
    except YamlError as error:
        return error
    except UnicodeDecodeError as error:
        return YamlError(Place(path), f"not UTF-8: {error.reason} at byte {error.start}")
    except RecursionError:
        return YamlError(Place(path), "nested too deeply")
