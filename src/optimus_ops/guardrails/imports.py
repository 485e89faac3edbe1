"""What a Python file imports, and where; relative names still have their dots."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from optimus_ops.guardrails.python_source import PythonSource
from optimus_ops.guardrails.scopes import IMPORTERS, scoped_calls

DYNAMIC = tuple(name.rpartition(".")[2] for name in IMPORTERS)


@dataclass(frozen=True, slots=True)
class ImportedName:
    """A module, or a name of a module (`name`), that is imported.

    Args:
        end: column behind the name; 0 where it goes on below.
        typing: whether only type checkers import it.
    """

    module: str
    name: str
    line: int
    column: int
    end: int
    typing: bool = False


def imports_of(source: PythonSource) -> tuple[ImportedName, ...]:
    """Return the imports of a file: statements, and `import_module` of a text."""
    found = [_made(source, *imported) for imported in _statements(source.tree.body, typing=False)]
    if any(word in line for line in source.lines for word in DYNAMIC):
        found += [_made(source, *imported) for imported in _calls(source.tree)]
    return tuple(found)


Imported = tuple[str, str, ast.alias | ast.expr, bool]


def _made(source: PythonSource, module: str, name: str, place: ast.alias | ast.expr, typing: bool) -> ImportedName:
    line, last = place.lineno, place.end_lineno
    end = source.column(line, place.end_col_offset or 0) if last == line else 0
    return ImportedName(module, name, line, source.column(line, place.col_offset), end, typing)


def _statements(body: list[ast.stmt], *, typing: bool) -> Iterator[Imported]:
    """Give what statements import; those inside of others are in lists of them."""
    for node in body:
        match node:
            case ast.Import(names=aliases):
                yield from ((alias.name, "", alias, typing) for alias in aliases)
            case ast.ImportFrom(module=module, names=aliases, level=level):
                base = f"{'.' * level}{module or ''}"
                yield from ((base, alias.name, alias, typing) for alias in aliases)
            case ast.If(test=test) if _is_type_checking(test):
                yield from _statements(node.body, typing=True)
                yield from _statements(node.orelse, typing=typing)
            case _:
                for part in ("body", "orelse", "finalbody"):
                    yield from _statements(getattr(node, part, []), typing=typing)
                for below in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
                    yield from _statements(below.body, typing=typing)


def _calls(tree: ast.Module) -> Iterator[Imported]:
    for call, names in scoped_calls(tree):
        if module := names.imported_by(call):
            yield module, "", call, False


def _is_type_checking(test: ast.AST) -> bool:
    match test:
        case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
            return True
    return False
