"""Texts of the code: constants, f-strings, sums and joins of them; `{}` stands for what is not constant."""

from __future__ import annotations

import ast
from collections.abc import Iterator

HOLE = "{}"


def text_of(node: ast.AST) -> str:
    """Return the text that an expression makes; "" if it makes none."""
    parts = _parts(node)
    return "".join(HOLE if isinstance(part, ast.AST) else part for part in parts) if any(map(_constant, parts)) else ""


def rest_of_text(node: ast.AST) -> list[ast.AST]:
    """Return the expressions that an expression puts into its text."""
    return [part for part in _parts(node) if isinstance(part, ast.AST)]


def constant_text(node: ast.AST | None) -> str | None:
    """Return the text that an expression always is; None of another one."""
    parts = _parts(node) if node is not None else []
    constant = [part for part in parts if isinstance(part, str)]
    return "".join(constant) if parts and len(constant) == len(parts) else None


def _constant(part: str | ast.AST) -> bool:
    return isinstance(part, str) and bool(part)


def _parts(node: ast.AST) -> list[str | ast.AST]:
    """Return the constant parts of a text, and the expressions between them."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.Constant(value=bytes(data)):
            return [data.decode("latin-1")]
        case ast.JoinedStr(values=values):
            return [part for value in values for part in _parts(value)]
        case ast.BinOp(op=ast.Add()):
            return list(_sum(node))
        case ast.BinOp(left=left, right=right):
            # `"…" % x`, `"…" * 2`
            return [*_parts(left), right]
        case ast.Call(
            func=ast.Attribute(value=ast.Constant(value=str(between)), attr="join"),
            args=[ast.List(elts=several) | ast.Tuple(elts=several)],
        ) if several:
            joined = [[between, *_parts(each)] for each in several]
            return [part for parts in joined for part in parts][1:]
        case ast.expr():
            return [node]
    return []


def _sum(node: ast.BinOp) -> Iterator[str | ast.AST]:
    """Give the parts of a sum, without a call for each of its terms: there may be thousands."""
    terms: list[ast.expr] = []
    left: ast.expr = node
    while isinstance(left, ast.BinOp) and isinstance(left.op, ast.Add):
        terms.append(left.right)
        left = left.left
    for term in (left, *reversed(terms)):
        yield from _parts(term)
