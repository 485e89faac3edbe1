"""What a Python file does, as far as rules ask: used names, texts and sizes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from optimus_ops.guardrails.python_source import Extent, PythonSource, extent
from optimus_ops.guardrails.scopes import Names, Scoped
from optimus_ops.guardrails.sizes import FunctionSize, function_sizes
from optimus_ops.guardrails.text_literals import rest_of_text, text_of

LOAD = ast.Load()
CALLERS = frozenset({"map", "filter", "functools.partial", "functools.reduce", "itertools.starmap", "atexit.register"})
"""What calls its first argument."""
UNKNOWN = re.compile(r"<\w+>(?:\(\))*")
"""A local name of which nothing is known."""


@dataclass(frozen=True, slots=True)
class Use:
    """A name that is used: what it stands for, by the file's imports and assignments.

    Args:
        names: what it may stand for, as `subprocess.run`; `httpx.Client().get` is a method of what a call returned.
        at: the name's own place.
        whole: the place of the call, of a name that is not called the same as `at`.
        call: whether it is called, with these keywords, and so many positional arguments.
        coroutine: whether that is in the body of a coroutine, not in a function inside it.
    """

    names: tuple[str, ...]
    at: Extent
    whole: Extent
    call: bool = False
    keywords: frozenset[str] = frozenset()
    positional: int = 0
    coroutine: bool = False


@dataclass(frozen=True, slots=True)
class TextLiteral:
    """A text that is no documentation; of an f-string the constant parts, `{}` between them."""

    value: str
    at: Extent


@dataclass(frozen=True)
class Facts:
    """What one file does."""

    source: PythonSource
    uses: tuple[Use, ...] = ()
    texts: tuple[TextLiteral, ...] = ()
    functions: tuple[FunctionSize, ...] = ()


def facts_of(source: PythonSource) -> Facts:
    """Return the facts of a file."""
    found = list(_facts(source.tree))
    return Facts(
        source,
        tuple(fact for fact in found if isinstance(fact, Use)),
        tuple(fact for fact in found if isinstance(fact, TextLiteral)),
        function_sizes(source),
    )


@dataclass(frozen=True, slots=True)
class _Scope:
    names: Names
    coroutine: bool = False
    called: frozenset[str] = frozenset()
    """Names of functions that a coroutine calls itself: they are as good as its body."""

    def inside(self, node: Scoped) -> _Scope:
        names = self.names.inside(node)
        if isinstance(node, ast.AsyncFunctionDef):
            return _Scope(names, True, _called_in(node))
        within = isinstance(node, ast.ClassDef) or (isinstance(node, ast.FunctionDef) and node.name in self.called)
        return _Scope(names, self.coroutine and within, self.called)


def _facts(tree: ast.Module) -> Iterator[Use | TextLiteral]:
    """Give the facts of all nodes; no call inside a call, since expressions may be nested deeply."""
    waiting: list[tuple[ast.AST, _Scope]] = [(tree, _Scope(Names.of(tree)))]
    while waiting:
        node, scope = waiting.pop()
        parts: Iterable[ast.AST]
        if isinstance(node, ast.Call):
            yield from _use(node.func, node, scope)
            yield from _handed_on(node, scope)
            if scope.names.reflected(node):
                yield from _use(node, None, scope)
            # `a.b()` is one use, not one of `a.b` as well: below are what it is a method of, and arguments.
            parts = [*_receiver(node.func), *node.args, *node.keywords]
            if text := text_of(node):
                yield TextLiteral(text, extent(node))
                parts = rest_of_text(node)
        elif isinstance(node, ast.Attribute | ast.Name):
            yield from _use(node, None, scope)
            parts = _receiver(node)
        elif isinstance(node, ast.Subscript):
            yield from _use(node, None, scope)
            parts = ast.iter_child_nodes(node)
        elif (text := text_of(node)) or isinstance(node, ast.BinOp):
            if text:
                yield TextLiteral(text, extent(node))
            # The terms of a sum, not its halves: there may be thousands.
            parts = rest_of_text(node)
        else:
            parts = (part for part in ast.iter_child_nodes(node) if not _is_documentation(part))
        if isinstance(node, Scoped):
            inside, body = scope.inside(node), {id(part) for part in _body(node)}
            waiting += [(part, inside if id(part) in body else scope) for part in parts]
        else:
            waiting += [(part, scope) for part in parts]


def _called_in(function: ast.AsyncFunctionDef) -> frozenset[str]:
    calls = (node.func for node in ast.walk(function) if isinstance(node, ast.Call))
    return frozenset(func.id for func in calls if isinstance(func, ast.Name))


def _use(node: ast.AST, call: ast.Call | None, scope: _Scope) -> Iterator[Use]:
    names = tuple(name for name in scope.names.dotted(node) if not UNKNOWN.fullmatch(name))
    if not names or not isinstance(getattr(node, "ctx", LOAD), ast.Load):
        return
    if call is None:
        yield Use(names, extent(node), extent(node), coroutine=scope.coroutine)
        return
    keywords = frozenset(
        keyword.arg or "**"
        for keyword in call.keywords
        if not (isinstance(keyword.value, ast.Constant) and keyword.value.value is None)
    )
    yield Use(names, extent(node), extent(call), True, keywords, len(call.args), scope.coroutine)


def _handed_on(call: ast.Call, scope: _Scope) -> Iterator[Use]:
    """Give the call of a function that is handed to what calls it, with the arguments that come with it."""
    if not call.args or not CALLERS & {*scope.names.dotted(call.func)}:
        return
    func = call.args[0]
    later = ast.Call(func, call.args[1:], call.keywords)
    yield from _use(func, ast.copy_location(later, call), scope)


def _receiver(node: ast.AST) -> list[ast.AST]:
    """Return what a chain of attributes begins with, unless that is a name."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return [] if isinstance(node, ast.Name) else [node]


def _body(node: ast.AST) -> list[ast.AST]:
    body = getattr(node, "body", [])
    return body if isinstance(body, list) else [body]


def _is_documentation(node: ast.AST) -> bool:
    """Tell whether a node is a text that stands for itself, as documentation does."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
