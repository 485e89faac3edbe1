"""Syntax of GitHub's expressions: `${{ … }}` parsed, names of functions and contexts checked; nothing is evaluated."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_CHARACTERS = 21_000
MOST_NESTED = 50
UNLIMITED = 255
FUNCTIONS = {
    "case": (3, UNLIMITED),
    "contains": (2, 2),
    "endswith": (2, 2),
    "format": (1, UNLIMITED),
    "fromjson": (1, 1),
    "join": (1, 2),
    "startswith": (2, 2),
    "tojson": (1, 1),
}
"""Function in lower case -> least and most arguments; those that are known everywhere."""
CONTEXTS = frozenset(
    {
        *("env", "github", "inputs", "job", "jobs", "matrix", "needs"),
        *("runner", "secrets", "steps", "strategy", "vars"),
    }
)
TOKEN = re.compile(
    r"(?P<space>\s+)|(?P<text>'(?:[^']|'')*')|(?P<name>[A-Za-z_][\w-]*)"
    r"|(?P<operator>&&|\|\||[=!<>]=|[()\[\],!<>*])|(?P<number>[-+]?\.?[0-9][^\s()\[\],!<>=&|]*)|(?P<dot>\.)",
    re.ASCII,
)
NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|0x[0-9a-fA-F]+|0o[0-7]+")
CONSTANTS = frozenset({"true", "false", "null", "NaN", "Infinity"})
LEVELS = (("||",), ("&&",), ("==", "!="), ("<", "<=", ">", ">="))
"""Operators of two sides, the weakest first."""


class ExpressionError(ValueError):
    """An expression can't be parsed, or names what is not known; `position` counts characters from 0."""

    def __init__(self, message: str, position: int) -> None:
        """Keep the position."""
        super().__init__(message)
        self.position = position


@dataclass(frozen=True)
class Scope:
    """What an expression may name at its place: contexts, and functions beyond those that are known everywhere."""

    contexts: frozenset[str]
    functions: Mapping[str, tuple[int, int]]


def embedded(text: str) -> Iterator[tuple[int, str]]:
    """Give each expression of a text without its braces, and where it begins.

    Raises:
        ExpressionError: one is not closed.
    """
    start = text.find("${{")
    while start >= 0:
        position, quoted = start + 3, False
        while quoted or not text.startswith("}}", position):
            if position >= len(text):
                raise ExpressionError("`${{` is not closed by `}}`", start)
            quoted ^= text[position] == "'"
            position += 1
        yield start + 3, text[start + 3 : position]
        start = text.find("${{", position + 2)


def check_expression(text: str, scope: Scope) -> None:
    """Parse an expression.

    Raises:
        ExpressionError: its syntax is wrong, or a function or a context is unknown or not available in the scope.
    """
    if len(text) > MOST_CHARACTERS:
        raise ExpressionError(f"an expression has more than {MOST_CHARACTERS:,} characters", 0)
    parser = _Parser(text, scope)
    parser.level(0)
    if parser.kind != "end":
        raise parser.unexpected()


class _Parser:
    """Recursive descent; `kind`, `word` and `position` are those of the word that comes next."""

    def __init__(self, text: str, scope: Scope) -> None:
        self._text, self._scope = text, scope
        self._end, self._depth = 0, 0
        self._advance()

    def _advance(self) -> None:
        while match := TOKEN.match(self._text, self._end):
            self.position, self._end = self._end, match.end()
            self.kind, self.word = str(match.lastgroup), match[0]
            if self.kind != "space":
                return
        self.position, self.kind, self.word = self._end, "end", ""
        if self._end < len(self._text):
            self.kind, self.word = "unknown", self._text[self._end :].split()[0]

    def unexpected(self) -> ExpressionError:
        if self.kind == "end":
            return ExpressionError("the expression ends too early", self.position)
        return ExpressionError(f"unexpected {self.word!r}", self.position)

    def _take(self, *words: str) -> bool:
        if self.kind in {"operator", "dot"} and self.word in words:
            self._advance()
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._take(word):
            raise self.unexpected()

    def level(self, number: int) -> None:
        if number == len(LEVELS):
            self._unary()
            return
        self._depth += number == 0
        if self._depth > MOST_NESTED:
            raise ExpressionError(f"an expression is nested more than {MOST_NESTED} times", self.position)
        self.level(number + 1)
        while self._take(*LEVELS[number]):
            self.level(number + 1)
        self._depth -= number == 0

    def _unary(self) -> None:
        while self._take("!"):
            pass
        position, kind, word = self.position, self.kind, self.word
        if self._take("("):
            self.level(0)
            self._expect(")")
        elif kind == "name" and word not in CONSTANTS:
            self._advance()
            self._named(word, position)
        elif kind in {"text", "name"} or (kind == "number" and NUMBER.fullmatch(word)):
            self._advance()
            return
        else:
            raise self.unexpected()
        self._members()

    def _members(self) -> None:
        while True:
            if self._take("["):
                if not self._take("*"):
                    self.level(0)
                self._expect("]")
            elif self._take("."):
                if self.kind != "name" and self.word != "*":
                    raise self.unexpected()
                self._advance()
            else:
                return

    def _named(self, name: str, position: int) -> None:
        if self.kind != "operator" or self.word != "(":
            if name.lower() not in self._scope.contexts:
                known = name.lower() in CONTEXTS
                wrong = f"context {name!r} is not available here" if known else f"unknown context {name!r}"
                raise ExpressionError(wrong, position)
            return
        self._advance()
        count = self._arguments()
        bounds = {**FUNCTIONS, **self._scope.functions}.get(name.lower())
        if bounds is None:
            raise ExpressionError(f"unknown function {name!r}", position)
        if not bounds[0] <= count <= bounds[1] or (name.lower() == "case" and count % 2 == 0):
            raise ExpressionError(f"function {name!r} does not take {count} arguments", position)

    def _arguments(self) -> int:
        count = 0
        while not self._take(")"):
            self.level(0)
            count += 1
            if self.word != ")":
                self._expect(",")
        return count
