"""What a Python file imports, and where; relative names still have their dots."""

from __future__ import annotations

import ast
import io
import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from typing import NamedTuple

from optimus_ops.guardrails.python_source import PythonSource, Unparsable, parse_python
from optimus_ops.guardrails.scopes import IMPORTERS, scoped_calls

DYNAMIC = tuple(name.rpartition(".")[2] for name in IMPORTERS)
STATEMENT = re.compile(rb"(?:^|[;:])[ \t\f]*(?:from|import)\b", re.MULTILINE)
"""What a line has on which a statement that imports begins; other lines may have it as well."""


class ImportedName(NamedTuple):
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


def imports_in(data: bytes) -> tuple[ImportedName, ...]:
    """Return the imports of a file; what follows the last statement that imports is not parsed.

    Raises:
        Unparsable: what can import something is no Python.
    """
    if _is_plain(data):
        end = _end_of_imports(data)
        try:
            return imports_of(parse_python(data[:end])) if end else ()
        except Unparsable:
            # Such as a `try` whose `except` is behind the last import, or a text that says "import".
            pass
    return imports_of(parse_python(data))


def _is_plain(data: bytes) -> bool:
    """Tell whether a file imports by statements alone, on lines that can be told apart without decoding it."""
    if any(word.encode() in data for word in DYNAMIC) or b"\r" in data or data.startswith(BOM_UTF8):
        return False
    lines = io.BytesIO(data)
    return b"coding" not in lines.readline() + lines.readline()


def _end_of_imports(data: bytes) -> int:
    """Return where the last line ends that may import something; 0 where none does."""
    at = len(data)
    while (at := data.rfind(b"import", 0, at)) >= 0:
        begin, end = data.rfind(b"\n", 0, at) + 1, _line_end(data, at)
        # The line before may have the `from`.
        if STATEMENT.search(data, begin, end) or data.endswith(b"\\\n", 0, begin):
            opened = data.find(b"(", at, end)
            return end if opened < 0 else _line_end(data, max(data.find(b")", opened), opened))
        at = begin
    return 0


def _line_end(data: bytes, at: int) -> int:
    found = data.find(b"\n", at)
    return len(data) if found < 0 else found


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
