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
    """Return the sizes of all functions, those inside others with the outer names before theirs."""
    return tuple(_sizes(source, source.tree, ""))


def _sizes(source: PythonSource, node: ast.AST, prefix: str) -> Iterator[FunctionSize]:
    for part in ast.iter_child_nodes(node):
        named = isinstance(part, Function | ast.ClassDef)
        name = f"{prefix}{part.name}" if isinstance(part, Function | ast.ClassDef) else prefix
        if isinstance(part, Function):
            word = "async def " if isinstance(part, ast.AsyncFunctionDef) else "def "
            column = source.column(part.lineno, part.col_offset) + len(word)
            arguments = part.args
            count = len([*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs])
            lines = (part.end_lineno or part.lineno) - part.lineno + 1
            yield FunctionSize(
                name, part.lineno, column, column + len(part.name), lines, count, 1 + sum(_branches(part))
            )
        yield from _sizes(source, part, f"{name}." if named else prefix)


def _branches(node: ast.AST) -> Iterator[int]:
    for part in ast.iter_child_nodes(node):
        if isinstance(part, BRANCHES):
            yield 1
        if not isinstance(part, Function | ast.ClassDef):
            yield from _branches(part)
