"""The graph of imports is grimp's, which import-linter judges by."""

from __future__ import annotations

from pathlib import Path

import grimp
import pytest
from tests.unit.repository import CHECKOUT

from optimus_ops.guardrails.graph import module_graph
from optimus_ops.guardrails.imports import ImportedName, imports_of
from optimus_ops.guardrails.modules import SourceRoots
from optimus_ops.guardrails.python_source import parse_python

PACKAGE = "optimus_ops"


def test_edges_are_what_grimp_finds() -> None:
    graph = module_graph(imports_below(CHECKOUT / "src", PACKAGE), SourceRoots(("src",)))
    expected = grimp.build_graph(PACKAGE, exclude_type_checking_imports=True, cache_dir=None)
    own = {(importer, imported) for importer, found in graph.edges.items() for imported in found}
    inside = {(importer, imported) for importer, imported in own if imported in graph.files}
    others = {
        (importer, imported)
        for importer in expected.modules
        for imported in expected.find_modules_directly_imported_by(importer)
    }
    assert inside == others
    assert len(inside) > 1000


@pytest.mark.parametrize(
    ("path", "module"),
    [
        ("src/shop/page.py", "shop.page"),
        ("src/shop/__init__.py", "shop"),
        ("services/web/src/web/page.py", "web.page"),
        ("src/shop/Makefile", None),
        ("src/shop/a-page.py", None),
        ("src/__init__.py", None),
        ("lib/shop/page.py", None),
    ],
)
def test_a_module_is_a_file_of_python_below_a_folder_of_sources(path: str, module: str | None) -> None:
    assert SourceRoots(("src", "services/*/src")).module(path) == module


def imports_below(folder: Path, package: str) -> dict[str, tuple[ImportedName, ...]]:
    return {
        f"src/{path.relative_to(folder)}": imports_of(parse_python(path.read_bytes()))
        for path in (folder / package).rglob("*.py")
        if "local_actions" not in path.parts
    }


def test_relative_imports_and_packages_are_resolved() -> None:
    files = {
        "src/a/__init__.py": "from . import b",
        "src/a/b/__init__.py": "from .c import x\nfrom ..d import *",
        "src/a/b/c.py": "from .. import d\nfrom ... import nothing",
        "src/a/d.py": "import a.b.c as c",
    }
    imports = {path: imports_of(parse_python(text.encode())) for path, text in files.items()}
    graph = module_graph(imports, SourceRoots(("src",)))
    assert {importer: set(found) for importer, found in graph.edges.items()} == {
        "a": {"a.b"},
        "a.b": {"a.b.c", "a.d"},
        "a.b.c": {"a.d", "nothing"},
        "a.d": {"a.b.c"},
    }


def test_the_shortest_chain_is_given_through_modules_between_alone() -> None:
    names = {"a": "b c", "b": "d", "c": "t", "d": "t", "t": ""}
    files = {f"{name}.py": "".join(f"import {each}\n" for each in found.split()) for name, found in names.items()}
    imports = {path: imports_of(parse_python(text.encode())) for path, text in files.items()}
    graph = module_graph(imports, SourceRoots((".",)))
    assert [str(chain) for chain in graph.chains(["a"], {"t"}, lambda _module: True)] == ["a → c → t"]
    assert [str(chain) for chain in graph.chains(["a"], {"t"}, lambda module: module != "c")] == ["a → b → d → t"]
    assert list(graph.chains(["a"], {"t"}, lambda _module: False)) == []
