"""What a Python file imports, and where; relative names still have their dots."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from optimus_ops.guardrails.python_source import PythonSource
from optimus_ops.guardrails.scopes import IMPORTERS, Names, Scoped

DYNAMIC = frozenset({"import_module", "__import__"})


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
    waiting: list[tuple[ast.AST, Names]] = [(tree, Names.of(tree))]
    while waiting:
        node, names = waiting.pop()
        if isinstance(node, ast.Call) and (_is_named_importer(node.func) or IMPORTERS & set(names.dotted(node.func))):
            yield from ((module, "", node, False) for module in _module_of(node))
        inside = names.inside(node) if isinstance(node, Scoped) else names
        waiting += [(part, inside) for part in ast.iter_child_nodes(node)]


def _is_named_importer(func: ast.AST) -> bool:
    match func:
        case ast.Name(id=called) | ast.Attribute(attr=called):
            return called in DYNAMIC
    return False


def _module_of(call: ast.Call) -> Iterator[str]:
    """Give the module that a call imports: its first argument, below the second one if it begins with a dot."""
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    values = [*call.args, *(named[name] for name in ("name", "package") if name in named)]
    texts = [value.value if isinstance(value, ast.Constant) else None for value in values]
    match texts:
        case [str(name), str(package), *_] if name.startswith("."):
            above = len(name) - len(name.lstrip(".")) - 1
            parts = package.split(".")
            yield ".".join([*parts[: len(parts) - above], *filter(None, [name.lstrip(".")])])
        case [str(name), *_]:
            yield name


def _is_type_checking(test: ast.AST) -> bool:
    match test:
        case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
            return True
    return False
