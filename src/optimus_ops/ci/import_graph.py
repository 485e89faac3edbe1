"""Which Python files of a checkout import which, read from their text: fast, and too much rather than too little."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

IMPORT = re.compile(
    r"[ \t]*(?:from[ \t]+(?P<module>\.*[\w.]*)[ \t]+import[ \t]+(?P<names>\([^)]*\)|[^\n#]+)"
    r"|import[ \t]+(?P<modules>[\w., \t]+))"
)
"""A statement, from the start of its line."""
ROOTS = ("", "src/", "services/*/src/", "services/*/")
"""Folders that modules are imported from."""
ROOT_PARTS = tuple(tuple(part for part in root.split("/") if part) for root in ROOTS)


@dataclass(frozen=True)
class ImportGraph:
    """file -> the files that it imports."""

    imports: Mapping[str, frozenset[str]]

    def importers(self, names: Iterable[str]) -> dict[str, str]:
        """Return the files that import some of these, directly or not: file -> the first of these that it reaches."""
        reverse: dict[str, set[str]] = {}
        for file, imported in self.imports.items():
            for name in imported:
                reverse.setdefault(name, set()).add(file)
        found: dict[str, str] = {}
        waiting = [(name, name) for name in names]
        for file, origin in waiting:
            if file not in found:
                found[file] = origin
                waiting += [(importer, origin) for importer in reverse.get(file, ())]
        return found


def import_graph(sources: Mapping[str, str], removed: Iterable[str] = ()) -> ImportGraph:
    """Return the graph of Python files.

    Args:
        sources: path -> text.
        removed: paths of files that are gone: those that still import them are found as well.
    """
    by_module: dict[str, set[str]] = {}
    for name in (*sources, *(name for name in removed if name.endswith(".py"))):
        for module in module_names(name):
            by_module.setdefault(module, set()).add(name)
    resolve = cache(partial(_files_of, by_module))
    return ImportGraph(
        {
            name: frozenset(file for module in set(_modules(name, text)) for file in resolve(module) if file != name)
            for name, text in sources.items()
        }
    )


def module_names(name: str) -> Iterator[str]:
    """Give the names under which a file can be imported, one for each folder that is a root."""
    parts = name.rpartition(".")[0].split("/")
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    for pattern in ROOT_PARTS:
        head = parts[: len(pattern)]
        if len(head) == len(pattern) and all(want in {"*", have} for want, have in zip(pattern, head, strict=True)):
            yield ".".join(parts[len(pattern) :])


def _files_of(by_module: Mapping[str, set[str]], module: str) -> frozenset[str]:
    """Return the files that run when a module is imported: a package's own before that of a module inside it."""
    parts = module.split(".")
    return frozenset(file for count in range(1, len(parts) + 1) for file in by_module.get(".".join(parts[:count]), ()))


def _modules(name: str, text: str) -> Iterator[str]:
    for match in _statements(text):
        if match["modules"]:
            yield from (part.split()[0] for part in match["modules"].split(",") if part.strip())
            continue
        base = match["module"]
        if base.startswith("."):
            dots = len(base) - len(base.lstrip("."))
            base = ".".join([_package(name, dots), base.lstrip(".")]).strip(".")
        yield base
        names = re.sub(r"#[^\n]*", "", match["names"]).strip("() \t\n")
        yield from (f"{base}.{part.split()[0]}" for part in names.split(",") if part.strip())


def _statements(text: str) -> Iterator[re.Match[str]]:
    """Give the import statements: by their word first, since a search by the pattern tries it at each character."""
    end = 0
    while (found := text.find("import", end)) >= 0:
        end = found + 1
        if match := IMPORT.match(text, text.rfind("\n", 0, found) + 1):
            end = max(end, match.end())
            yield match


def _package(name: str, dots: int) -> str:
    """Return the package that so many dots mean in a file, by its longest module name."""
    module = max(module_names(name), key=len, default="")
    parts = module.split(".") if name.endswith("/__init__.py") else module.split(".")[:-1]
    return ".".join(parts[: len(parts) - (dots - 1)])
