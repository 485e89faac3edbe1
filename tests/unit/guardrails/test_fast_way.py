"""What was kept, and what is not parsed, changes no verdict: the fast way finds what the whole graph of imports has."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.unit.repository import CHECKOUT

from optimus_ops.guardrails.cache import ParseCache
from optimus_ops.guardrails.graph import ModuleGraph, module_graph
from optimus_ops.guardrails.graph_judgement import judge_graph
from optimus_ops.guardrails.imports import ImportedName, imports_in, imports_of
from optimus_ops.guardrails.judge import Judge
from optimus_ops.guardrails.model import Violation
from optimus_ops.guardrails.policy import parse_policy
from optimus_ops.guardrails.python_source import Unparsable, parse_python
from optimus_ops.guardrails.sources import Change, in_memory

POLICY = parse_policy("""
version: 1
sources: [.]
rules:
  - {id: reach, kind: forbidden-imports, from: p.a, to: [socket, "xml.*"], message: m, why: w, mend: m}
  - {id: layers, kind: layers, container: p, layers: [c, b, a], exhaustive: true, message: m, why: w, mend: m}
  - {id: circles, kind: acyclic-siblings, ancestors: [p], message: m, why: w, mend: m}
  - {id: apart, kind: independence, modules: [p.a, q], message: m, why: w, mend: m}
  - {id: guarded, kind: protected-imports, modules: q, importers: p.b, type-checking: true, message: m, why: w, mend: m}
""")
IMPORT = st.sampled_from(
    [
        *("from p import a", "from . import b", "import p.c", "from p import d", "import q", "from q import r"),
        *("import socket", "import json", "import xml.dom", "from typing import TYPE_CHECKING", "x = 1"),
        *(
            "if TYPE_CHECKING:\n    import q",
            "try:\n    import p.b\nexcept ImportError:\n    x = 1",
            "def f():\n    import q",
        ),
        *(
            '"""\nimport socket\n"""',
            "importlib.import_module('q')",
            "import (",
            "from p import (\n    a,  # )\n    c,\n)",
        ),
    ]
)
NAMES = ("p/__init__.py", "p/a.py", "p/b.py", "p/c.py", "q/__init__.py")
EDIT = st.tuples(
    st.sampled_from([*NAMES, "p/d.py", "q/r.py"]),
    st.one_of(st.none(), st.just("x = 1"), st.lists(IMPORT, max_size=3).map("\n".join)),
)


# An import of what was reached by others before is new all the same.
@example([("p/b.py", "import socket"), ("p/a.py", "import p.b"), ("p/a.py", "import p.b\nimport socket")])
@given(st.lists(EDIT, min_size=2, max_size=8))
def test_judging_with_what_was_kept_finds_what_the_whole_graph_has(edits: list[tuple[str, str | None]]) -> None:
    old = dict.fromkeys(NAMES, "")
    with tempfile.TemporaryDirectory() as folder:
        for name, text in edits:
            new = {path: was for path, was in old.items() if path != name} | ({} if text is None else {name: text})
            # Each time as a process of its own, with what the ones before have written.
            kept = ParseCache(Path(folder))
            found = Judge(POLICY, kept, date(2026, 1, 1)).change(in_memory(new), change_of(old, new)).counting
            kept.write()
            rules = {rule.info.id for rule in POLICY.graph_rules}
            expected = judge_graph(POLICY, whole_graph(new), lambda old=old: whole_graph(old))  # type: ignore[misc]
            assert told([each for each in found if each.rule in rules]) == told(expected)
            old = new


def change_of(old: Mapping[str, str], new: Mapping[str, str]) -> Change:
    edited = {path for path in old.keys() & new.keys() if old[path] != new[path]}
    base = in_memory({path: old[path] for path in edited | (old.keys() - new.keys())}).files
    added = {path: frozenset(range(1, 99)) for path in edited | (new.keys() - old.keys())}
    return Change(base, added=added, deleted=frozenset(old.keys() - new.keys()))


def whole_graph(tree: Mapping[str, str]) -> ModuleGraph:
    """Return the graph of files: each is parsed to its end, where it can be."""
    return module_graph({path: whole_imports(text.encode()) for path, text in tree.items()}, POLICY.roots)


def whole_imports(data: bytes) -> tuple[ImportedName, ...]:
    try:
        return imports_of(parse_python(data))
    except Unparsable:
        with suppress(Unparsable):
            return imports_in(data)
        return ()


def told(found: list[Violation]) -> set[tuple[str, str, int, str]]:
    return {(each.rule, each.file, each.match.place.line, each.sentence) for each in found}


LINE = st.sampled_from(
    [
        *(
            "import a",
            "from a import b",
            "  import c",
            "from . import (",
            "    d,",
            ")",
            "from e \\",
            "import f",
            "x = 1",
        ),
        *("if x:", "else: import g", "x = 1; import h", "x = 'import i'", '"""', "# import j", "\timport k", "x = ("),
        *(
            "try:",
            "except ImportError:",
            "def f():",
            "    pass",
            "    from l import m",
            "# coding: latin-1",
            "\x0cimport n",
        ),
        *("import_module('o')", "from importlib import import_module", "if TYPE_CHECKING:", "x: import p", "\\", "\r"),
    ]
)


@given(st.lists(LINE, max_size=12).map("\n".join))
def test_what_follows_the_last_import_changes_nothing(text: str) -> None:
    data = text.encode()
    try:
        expected = imports_of(parse_python(data))
    except Unparsable:
        return
    assert imports_in(data) == expected


def test_all_files_of_this_repository_import_what_their_whole_text_says() -> None:
    texts = [path.read_bytes() for path in (CHECKOUT / "src").rglob("*.py")]
    assert len(texts) > 300
    assert [imports_in(text) for text in texts] == [imports_of(parse_python(text)) for text in texts]


@pytest.mark.parametrize("name", ["imports", "shapes", "findings", "graphs"])
@pytest.mark.parametrize("at", [1, 40, 66, -2])
def test_a_changed_byte_of_what_was_kept_changes_no_verdict(tmp_path: Path, name: str, at: int) -> None:
    verdicts = []
    for _ in range(2):
        verdicts.append(judged_with(ParseCache(tmp_path)))
        kept = tmp_path / f"{name}.cache"
        data = bytearray(kept.read_bytes())
        data[at] ^= 1
        kept.write_bytes(data)
    assert verdicts == [["reach"], ["reach"]]


def judged_with(cache: ParseCache) -> list[str]:
    """Return the rules that a new import breaks."""
    change = change_of({"p/a.py": "x = 1\n"}, {"p/a.py": "import socket\n"})
    found = Judge(POLICY, cache, date(2026, 1, 1)).change(in_memory({"p/a.py": "import socket\n"}), change)
    cache.write()
    return [each.rule for each in found.counting]


@pytest.mark.parametrize("text", ["null", "[]", '["2 x", {}]', "{" * 10**5, "\n\n", "\n" + "0" * 64 + "true"])
def test_what_others_wrote_is_not_asked(tmp_path: Path, text: str) -> None:
    for name in ("imports", "shapes", "findings", "graphs", "changes", "patterns"):
        (tmp_path / f"{name}.cache").write_text(text, "utf-8")
    assert judged_with(ParseCache(tmp_path)) == ["reach"]


def test_a_link_in_the_place_of_a_store_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("kept", "utf-8")
    (tmp_path / "imports.cache").symlink_to(tmp_path / "other")
    assert judged_with(ParseCache(tmp_path)) == ["reach"]
    assert (tmp_path / "other").read_text("utf-8") == "kept"


def test_processes_add_to_what_others_kept_and_a_large_store_loses_its_older_half(tmp_path: Path) -> None:
    first, second = ParseCache(tmp_path), ParseCache(tmp_path)
    for cache, key in ((first, "a"), (second, "b")):
        cache.get("graphs", key, lambda: True)
        cache.write()
    last = ParseCache(tmp_path)
    assert (last.has("graphs", "a"), last.has("graphs", "b"), last.has("graphs", "c")) == (True, True, False)
    for number in range(3000):
        last.get("graphs", str(number), lambda: "x" * 50)
    last.write()
    last.get("graphs", "new", lambda: True)
    last.write()
    kept = ParseCache(tmp_path)
    assert (kept.has("graphs", "a"), kept.has("graphs", "2999"), kept.has("graphs", "new")) == (False, True, True)
    assert (tmp_path / "graphs.cache").stat().st_size < 200_000
