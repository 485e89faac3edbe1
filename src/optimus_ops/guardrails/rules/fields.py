"""Values of the policy: texts, lists, numbers, patterns, each with its place in what is complained about."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from optimus_ops.guardrails.modules import ModulePattern
from optimus_ops.project.yaml_nodes import Node
from optimus_ops.reports.place import Place
from optimus_ops.text.globs import matches

TYPING = "type-checking"
"""The key that says whether imports for type checkers alone count."""
MODULE = re.compile(r"(?:\w+|\*)(?:\.(?:\w+|\*))*")


@dataclass(frozen=True)
class Glob:
    """A pattern of paths, and where the policy has it."""

    pattern: str
    place: Place


@dataclass(frozen=True)
class FileScope:
    """The files that a rule is about: those of `files` but not those of `excepted`."""

    files: tuple[Glob, ...]
    excepted: tuple[Glob, ...] = ()

    @property
    def globs(self) -> tuple[Glob, ...]:
        """All patterns."""
        return (*self.files, *self.excepted)

    def holds(self, path: str) -> bool:
        """Tell whether a rule is about a file."""
        return matches(path, patterns(self.files)) and not matches(path, patterns(self.excepted))


def patterns(globs: tuple[Glob, ...]) -> tuple[str, ...]:
    """Return the texts of patterns."""
    return tuple(glob.pattern for glob in globs)


def needed(keys: Mapping[str, Node], name: str, rule: Node) -> Node:
    """Return the value of a key that must be there."""
    if name not in keys:
        raise rule.error(f"a rule of this kind needs the key {name!r}")
    return keys[name]


def filled(node: Node) -> str:
    """Return a text that is not empty."""
    if not (text := node.text().strip()):
        raise node.error("a text is expected here")
    return text


def texts(node: Node | None) -> tuple[str, ...]:
    """Return a list of texts; a single one may stand without a list."""
    if node is None:
        return ()
    found = tuple(map(filled, node)) if isinstance(node.value, list) else (filled(node),)
    if not found:
        raise node.error("at least one is expected here")
    return found


def globs(node: Node | None) -> tuple[Glob, ...]:
    """Return patterns of paths."""
    if node is None:
        return ()
    found = tuple(Glob(filled(item), item.place) for item in (node if isinstance(node.value, list) else [node]))
    for glob in found:
        if glob.pattern.startswith(("/", "./")) or ".." in glob.pattern.split("/"):
            raise node.error(f"{glob.pattern}: a path inside of the repository is expected", "as in: src/**/*.py")
    return found


def scope(keys: Mapping[str, Node], rule: Node) -> FileScope:
    """Return the files that a rule is about."""
    return FileScope(globs(needed(keys, "files", rule)), globs(keys.get("except")))


def modules(node: Node | None) -> tuple[ModulePattern, ...]:
    """Return patterns of modules."""
    found = texts(node)
    for text in found:
        if node is not None and not MODULE.fullmatch(text):
            raise node.error(f"{text!r} is no module", "as in: package.module, package.*.module")
    return tuple(map(ModulePattern, found))


def flag(node: Node | None, *, default: bool) -> bool:
    """Return true or false."""
    if node is None:
        return default
    if not isinstance(node.value, bool):
        raise node.error(f"true or false is expected, not {node.text()!r}")
    return node.value


def counts_typing(keys: Mapping[str, Node]) -> bool:
    """Tell whether a rule counts imports for type checkers alone."""
    return flag(keys.get(TYPING), default=False)


def number(node: Node) -> int:
    """Return a whole number from 1."""
    if isinstance(node.value, bool) or not isinstance(node.value, int) or node.value < 1:
        raise node.error(f"a whole number from 1 is expected, not {node.text()!r}")
    return node.value


def regex(node: Node) -> re.Pattern[str]:
    """Return a regular expression."""
    try:
        return re.compile(filled(node))
    except re.error as error:
        raise node.error(f"no regular expression: {error}") from None


def choice(node: Node, known: Collection[str], what: str) -> str:
    """Return a word of a known set."""
    text = node.text()
    if text not in known:
        raise node.error(f"no {what} {text!r}", f"there are: {', '.join(known)}")
    return text


def choices(node: Node, known: Collection[str], what: str) -> tuple[str, ...]:
    """Return words of a known set; a single one may stand without a list."""
    texts(node)
    return tuple(choice(item, known, what) for item in (node if isinstance(node.value, list) else [node]))
