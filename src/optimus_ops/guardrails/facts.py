"""What a Python file does, as far as rules ask: imports, used names, texts and sizes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from optimus_ops.guardrails.imports import ImportedName, imports_of
from optimus_ops.guardrails.python_source import PythonSource
from optimus_ops.guardrails.scopes import Names
from optimus_ops.guardrails.sizes import FunctionSize, function_sizes

LOAD = ast.Load()
UNKNOWN = re.compile(r"<\w+>(?:\(\))*")
"""A local name of which nothing is known."""


@dataclass(frozen=True, slots=True)
class Span:
    """Where something stands: line and columns from 1; `end` is the column behind it, 0 where it goes on below."""

    line: int
    column: int
    end: int


@dataclass(frozen=True, slots=True)
class Use:
    """A name that is used: what it stands for, by the file's imports and assignments.

    Args:
        names: what it may stand for, as `subprocess.run`; `httpx.Client().get` is a method of what a call returned.
        call: whether it is called, with these keywords, and so many positional arguments.
        coroutine: whether that is in the body of a coroutine, not in a function inside it.
    """

    names: tuple[str, ...]
    span: Span
    text: str
    call: bool = False
    keywords: frozenset[str] = frozenset()
    positional: int = 0
    coroutine: bool = False


@dataclass(frozen=True, slots=True)
class TextLiteral:
    """A text that is no documentation; of an f-string the constant parts, `{}` between them."""

    value: str
    span: Span


@dataclass(frozen=True)
class Facts:
    """What one file does."""

    imports: tuple[ImportedName, ...] = ()
    uses: tuple[Use, ...] = ()
    texts: tuple[TextLiteral, ...] = ()
    functions: tuple[FunctionSize, ...] = ()
    lines: tuple[str, ...] = field(default=(), repr=False)


def facts_of(source: PythonSource) -> Facts:
    """Return the facts of a file."""
    found = list(_Walk(source).visit(source.tree, Names.of(source.tree), coroutine=False))
    return Facts(
        imports_of(source),
        tuple(fact for fact in found if isinstance(fact, Use)),
        tuple(fact for fact in found if isinstance(fact, TextLiteral)),
        function_sizes(source),
        source.lines,
    )


class _Walk:
    def __init__(self, source: PythonSource) -> None:
        self._source = source

    def visit(self, node: ast.AST, names: Names, *, coroutine: bool) -> Iterator[Use | TextLiteral]:
        if isinstance(node, ast.Call):
            yield from self._use(node.func, node, names, coroutine=coroutine)
            if names.reflected(node):
                yield from self._use(node, None, names, coroutine=coroutine)
            # `a.b()` is one use, not one of `a.b` as well: below are what it is a method of, and arguments.
            parts: list[ast.AST] = [*_receiver(node.func), *node.args, *node.keywords]
        elif isinstance(node, ast.Attribute | ast.Name):
            yield from self._use(node, None, names, coroutine=coroutine)
            parts = _receiver(node)
        elif text := _text_of(node):
            yield TextLiteral(text, self._span(node))
            parts = [part for part in ast.iter_child_nodes(node) if isinstance(part, ast.FormattedValue)]
        else:
            parts = [part for part in ast.iter_child_nodes(node) if not _is_documentation(part)]
        yield from self._below(node, parts, names, coroutine=coroutine)

    def _below(
        self, node: ast.AST, parts: list[ast.AST], names: Names, *, coroutine: bool
    ) -> Iterator[Use | TextLiteral]:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            inside, body = names.inside(node), _body(node)
            within = isinstance(node, ast.AsyncFunctionDef) or (coroutine and isinstance(node, ast.ClassDef))
            for part in parts:
                here = part in body
                yield from self.visit(part, inside if here else names, coroutine=within if here else coroutine)
            return
        for part in parts:
            yield from self.visit(part, names, coroutine=coroutine)

    def _use(self, node: ast.AST, call: ast.Call | None, names: Names, *, coroutine: bool) -> Iterator[Use]:
        stands_for = tuple(name for name in names.dotted(node) if not UNKNOWN.fullmatch(name))
        if not stands_for or not isinstance(getattr(node, "ctx", LOAD), ast.Load):
            return
        keywords = frozenset(
            keyword.arg or "**"
            for keyword in (call.keywords if call else ())
            if not (isinstance(keyword.value, ast.Constant) and keyword.value.value is None)
        )
        yield Use(
            stands_for,
            self._span(node),
            self._text(node),
            call is not None,
            keywords,
            len(call.args) if call else 0,
            coroutine,
        )

    def _text(self, node: ast.AST) -> str:
        """Return an expression as it stands there; of one that goes over lines, without breaks and indents."""
        line, last = getattr(node, "lineno", 1), getattr(node, "end_lineno", 1)
        if line != last:
            return "".join(ast.unparse(node).split())
        text = self._source.lines[line - 1].encode()
        return text[getattr(node, "col_offset", 0) : getattr(node, "end_col_offset", 0)].decode("utf-8", "replace")

    def _span(self, node: ast.AST) -> Span:
        line, last = getattr(node, "lineno", 1), getattr(node, "end_lineno", 1)
        column = self._source.column(line, getattr(node, "col_offset", 0))
        return Span(line, column, self._source.column(line, getattr(node, "end_col_offset", 0)) if line == last else 0)


def _receiver(node: ast.AST) -> list[ast.AST]:
    """Return what a chain of attributes begins with, unless that is a name."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return [] if isinstance(node, ast.Name) else [node]


def _body(node: ast.AST) -> list[ast.AST]:
    body = getattr(node, "body", [])
    return body if isinstance(body, list) else [body]


def _text_of(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        parts = (part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
        return "".join(str(part) for part in parts)
    value = node.value if isinstance(node, ast.Constant) else ""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if isinstance(value, str) else ""


def _is_documentation(node: ast.AST) -> bool:
    """Tell whether a node is a text that stands for itself, as documentation does."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
