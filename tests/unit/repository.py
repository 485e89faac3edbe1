"""The repository as the rules see it: its folder and its files under version control."""

from __future__ import annotations

import ast
import subprocess
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]


def tracked_files() -> list[Path]:
    """Return the files under version control, without those deleted in the work tree."""
    # A checkout that belongs to somebody else (a mounted one) is still this repository.
    command = ["git", "-c", f"safe.directory={CHECKOUT}", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    paths = [CHECKOUT / name for name in listed.split("\0") if name]
    return [path for path in paths if path.is_file()]


@dataclass(frozen=True)
class Import:
    """One imported module, and whether it is imported as soon as its importer is."""

    module: str
    eager: bool


def imports_of(path: Path) -> list[Import]:
    """Return what a module imports; imports for type checkers only are not eager."""
    found: list[Import] = []

    def visit(node: ast.AST, *, eager: bool) -> None:
        if isinstance(node, ast.Import):
            found.extend(Import(alias.name, eager) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from package import module` imports the module as well.
            found.append(Import(node.module, eager))
            found.extend(Import(f"{node.module}.{alias.name}", eager) for alias in node.names)
        lazy = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or _is_type_checking(node)
        for child in ast.iter_child_nodes(node):
            visit(child, eager=eager and not lazy)

    visit(ast.parse(path.read_text(encoding="utf-8")), eager=True)
    return found


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
