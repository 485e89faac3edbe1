"""Sizes of functions: lines, arguments and branches (McCabe 1976, as ruff's C901 counts them)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from optimus_ops.guardrails.python_source import PythonSource

Function = ast.FunctionDef | ast.AsyncFunctionDef
BRANCHES = ast.If | ast.For | ast.AsyncFor | ast.While | ast.ExceptHandler | ast.comprehension | ast.match_case


@dataclass(frozen=True, slots=True)
class FunctionSize:
    """How large a function is; the columns are those of its name."""

    name: str
    line: int
    column: int
    end: int
    lines: int
    arguments: int
    complexity: int


def function_sizes(source: PythonSource) -> tuple[FunctionSize, ...]:
    """Return the sizes of all functions; the names of those inside of others have the outer names before them."""
    return tuple(_size(source, function, name) for function, name in _functions(source.tree))


def _functions(tree: ast.Module) -> Iterator[tuple[Function, str]]:
    waiting: list[tuple[ast.AST, str]] = [(tree, "")]
    while waiting:
        node, prefix = waiting.pop()
        if isinstance(node, Function | ast.ClassDef):
            name = f"{prefix}{node.name}"
            prefix = f"{name}."
            if isinstance(node, Function):
                yield node, name
        # Functions stand in statements alone.
        waiting += [(part, prefix) for part in ast.iter_child_nodes(node) if not isinstance(part, ast.expr)]


def _size(source: PythonSource, function: Function, name: str) -> FunctionSize:
    word = "async def " if isinstance(function, ast.AsyncFunctionDef) else "def "
    column = source.column(function.lineno, function.col_offset) + len(word)
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    arguments = function.args
    count = len([*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs])
    return FunctionSize(
        name, function.lineno, column, column + len(function.name), lines, count, 1 + _branches(function)
    )


def _branches(function: Function) -> int:
    """Return the number of branches, without those of functions inside."""
    count = 0
    waiting: list[ast.AST] = [function]
    while waiting:
        node = waiting.pop()
        count += isinstance(node, BRANCHES)
        if node is function or not isinstance(node, Function | ast.ClassDef):
            waiting += ast.iter_child_nodes(node)
    return count
