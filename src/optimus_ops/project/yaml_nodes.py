"""YAML with the place of each value: version 1.2 scalars (`on` is a text), as GitHub and Compose read it.

PyYAML's own constructor makes version 1.1 values; its parser and its places are used, its constructor is not.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from optimus_ops.errors import Refused
from optimus_ops.reports.place import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_CHARACTERS = 1_000_000
MOST_NODES = 100_000
MOST_DIGITS = 1e21
"""Numbers below it are written without an exponent."""
NULL = frozenset({"", "~", "null", "Null", "NULL"})
BOOLEANS = {word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")}
INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
ANCHOR = re.compile(r"\$\{\{")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


class YamlError(Refused):
    """A file can't be used, at a place."""

    def __init__(self, place: Place, message: str, hint: str | None = None) -> None:
        """Put the place first, as compilers do."""
        super().__init__(f"{place}: {message}", hint)
        self.place = place


@dataclass(frozen=True)
class Node:
    """A value of the file, and where it stands; a text has the lines from its start on, a mapping its keys' places.

    `tag` is one of the file's own kind, such as Compose's `!reset`; "" for none.
    """

    value: Any
    place: Place
    lines: tuple[str, ...] = field(default=(), repr=False, compare=False)
    key_places: Mapping[str, Place] = field(default_factory=dict, repr=False, compare=False)
    tag: str = field(default="", repr=False, compare=False)

    def __iter__(self) -> Iterator[Node]:
        """Give the items of a sequence."""
        if not isinstance(self.value, Sequence) or isinstance(self.value, str):
            raise self.error("a list is expected here")
        return iter(self.value)

    def items(self) -> Iterator[tuple[str, Node]]:
        """Give the keys and values of a mapping."""
        if not isinstance(self.value, Mapping):
            raise self.error("a mapping is expected here")
        return iter(self.value.items())

    def known_items(self, known: Collection[str], what: str) -> dict[str, Node]:
        """Return the entries of a mapping that may have no other keys; `what` it is stands in the error."""
        entries = dict(self.items())
        for name in entries:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                hint = f"did you mean {near[0]!r}?" if near else None
                raise YamlError(self.key_places.get(name, self.place), f"{what} has no key {name!r}", hint)
        return entries

    def get(self, key: str) -> Node | None:
        """Return the value of a key of a mapping, or None."""
        return dict(self.items()).get(key)

    def text(self) -> str:
        """Return a scalar as the text that GitHub shows; "" for null."""
        if isinstance(self.value, Mapping | list):
            raise self.error("a text is expected here")
        if self.value is None:
            return ""
        return str(self.value).lower() if isinstance(self.value, bool) else str(self.value)

    def scalars(self) -> dict[str, str]:
        """Return the entries of a mapping that are scalars, as texts; none of another node."""
        entries = self.value.items() if isinstance(self.value, dict) else ()
        return {key: node.text() for key, node in entries if not isinstance(node.value, (dict, list))}

    def plain(self) -> Any:
        """Return the value without places."""
        if isinstance(self.value, Mapping):
            return {key: node.plain() for key, node in self.value.items()}
        return [node.plain() for node in self.value] if isinstance(self.value, list) else self.value

    def error(self, message: str, hint: str | None = None) -> YamlError:
        """Return an error at this place."""
        return YamlError(self.place, message, hint)

    def error_at(self, offset: int, message: str) -> YamlError:
        """Return an error at a character of this text."""
        return YamlError(self.place_at(offset), message)

    def place_at(self, offset: int) -> Place:
        """Return the place of a character of this text: quotes, indents and folds of the file are reckoned in."""
        anchors = [found.start() for found in ANCHOR.finditer(self.value) if found.start() <= offset]
        words = self.value.split()
        start = anchors[-1] if anchors else self.value.find(words[0]) if words else 0
        anchor, count = ("${{", len(anchors)) if anchors else (words[0] if words else "", 1)
        for number, line in enumerate(self.lines):
            column = self.place.column - 1 if number == 0 else 0
            while (column := line.find(anchor, column)) >= 0:
                count -= 1
                if not count:
                    between = self.value[start:offset]
                    below = between.count("\n")
                    place = (number + below, 1 if below else column + len(between) + 1)
                    return Place(self.place.file, self.place.line + place[0], place[1])
                column += len(anchor)
        return self.place


def parse_yaml(text: str, file: str, *, merge_keys: bool = False) -> Node:
    """Parse one YAML document; with `merge_keys`, `<<` merges mappings, as for Compose and not for GitHub.

    Raises:
        YamlError: it is no YAML, too large, or has duplicate keys, forbidden merge keys or an alias to itself.
    """
    if len(text) > MOST_CHARACTERS:
        raise YamlError(Place(file), f"more than {MOST_CHARACTERS:,} characters")
    try:
        root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file)
        raise YamlError(place, f"not YAML: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise YamlError(Place(file), f"not YAML: {error}") from error
    return Node(None, Place(file, 1, 1)) if root is None else _Converter(file, text, merge_keys).convert(root, ())


class _Converter:
    def __init__(self, file: str, text: str, merge_keys: bool) -> None:
        self._file = file
        self._merge_keys = merge_keys
        self._lines = text.splitlines()
        self._count = 0

    def convert(self, node: yaml.Node, ancestors: tuple[yaml.Node, ...]) -> Node:
        place = Place(self._file, node.start_mark.line + 1, node.start_mark.column + 1)
        self._count += 1
        if node in ancestors:
            raise YamlError(place, "an alias to a value that it is part of")
        if self._count > MOST_NODES:
            raise YamlError(place, f"more than {MOST_NODES:,} values")
        inside = (*ancestors, node)
        tag = str(node.tag) if str(node.tag).startswith("!") else ""
        if isinstance(node, yaml.MappingNode):
            places: dict[str, Place] = {}
            return Node(self._mapping(node, inside, places), place, key_places=places, tag=tag)
        if isinstance(node, yaml.SequenceNode):
            return Node([self.convert(item, inside) for item in node.value], place, tag=tag)
        value = node.value if getattr(node, "style", None) else scalar(node.value)
        return Node(value, place, tuple(self._lines[node.start_mark.line : node.end_mark.line + 1]), tag=tag)

    def _mapping(
        self, node: yaml.MappingNode, ancestors: tuple[yaml.Node, ...], places: dict[str, Place]
    ) -> dict[str, Node]:
        found: dict[str, Node] = {}
        merged: list[Node] = []
        for key, value in node.value:
            place = Place(self._file, key.start_mark.line + 1, key.start_mark.column + 1)
            if not isinstance(key, yaml.ScalarNode):
                raise YamlError(place, "a key must be a text")
            if key.value == "<<" and not key.style:
                merged += self._merged(value, place, ancestors)
                continue
            if key.value in found:
                raise YamlError(place, f"{key.value!r} is already defined")
            found[key.value], places[key.value] = self.convert(value, ancestors), place
        for each in merged:
            # What a mapping says itself goes before what it merges, and what it merges first before what follows.
            found = {**each.value, **found}
            places |= {name: where for name, where in each.key_places.items() if name not in places}
        return found

    def _merged(self, value: yaml.Node, place: Place, ancestors: tuple[yaml.Node, ...]) -> list[Node]:
        if not self._merge_keys:
            raise YamlError(place, "merge keys are not supported by GitHub", "repeat the keys, or use an alias")
        several = value.value if isinstance(value, yaml.SequenceNode) else [value]
        found = [self.convert(each, ancestors) for each in several]
        if not all(isinstance(each.value, dict) for each in found):
            raise YamlError(place, "mappings alone can be merged")
        return found


def scalar(text: str) -> Any:
    """Return the value of a plain scalar by the core schema of YAML 1.2."""
    if text in NULL:
        return None
    if text in BOOLEANS:
        return BOOLEANS[text]
    if INTEGER.fullmatch(text):
        return int(text, 0) if text[:2] in {"0o", "0x"} else int(text)
    if not FLOAT.fullmatch(text):
        return text
    # GitHub has one kind of numbers: 1.0 and 1e3 are shown as 1 and 1000.
    number = float(text)
    return int(number) if number.is_integer() and abs(number) < MOST_DIGITS else number
