"""nginx's configuration as a tree, includes put in place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.unit.compose_files import COMPOSE

TOKEN = re.compile(r"""\s+|\#[^\n]*|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[;{}]|[^\s;{}]+""")


@dataclass(frozen=True)
class Directive:
    words: tuple[str, ...]
    block: tuple[Directive, ...] = ()

    @property
    def name(self) -> str:
        return self.words[0]

    def all(self, name: str) -> tuple[Directive, ...]:
        return tuple(directive for directive in self.block if directive.name == name)

    def value(self, name: str) -> str:
        """The words after the name of the only such directive here."""
        (found,) = self.all(name)
        return " ".join(found.words[1:])


def configuration() -> Directive:
    return Directive(("main",), tuple(_block(_tokens("nginx.conf"))))


def _tokens(name: str) -> Iterator[str]:
    text = (COMPOSE / "nginx" / name).read_text("utf-8")
    return (token for token in TOKEN.findall(text) if token.strip() and not token.startswith("#"))


def _block(tokens: Iterator[str]) -> Iterator[Directive]:
    words: list[str] = []
    for token in tokens:
        if token == "}":
            return
        if token == "{":
            yield Directive(tuple(words), tuple(_block(tokens)))
            words = []
        elif token == ";":
            if words[0] == "include":
                yield from _block(_tokens(words[1]))
            else:
                yield Directive(tuple(words))
            words = []
        else:
            words.append(token)
