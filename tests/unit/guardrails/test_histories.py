"""Histories of several commits: each commit's diff gives both of its sides again, and blames what it touched alone."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.guardrails.test_diff_of_history import run

from optimus_ops.guardrails.cache import ParseCache
from optimus_ops.guardrails.diff import parse_diff
from optimus_ops.guardrails.diff_sources import changed_sources
from optimus_ops.guardrails.git_files import PLAIN
from optimus_ops.guardrails.judge import Judge
from optimus_ops.guardrails.policy import parse_policy
from optimus_ops.guardrails.sources import Snapshot, in_memory

FILE, PROGRAM, LINK = "100644", "100755", "120000"
NAMES = ("src/a.py", "src/deep/b.py", "lib/c d.py", "文/字.py", "x.bin")
POLICY = parse_policy("""
version: 1
sources: [src]
rules:
  - {id: prints, kind: calls, calls: print, files: ["**/*.py"], message: m, why: w, mend: m}
""")
BODY = b"".join(b"value_%d = %d\n" % (number, number) for number in range(12))
LINES = st.sampled_from([b"print(1)\n", b"print(2)\n", b"x = 1\n", b"x = 2\r\n", b"\n", b"# \xff\n", b"y = 3"])


@dataclass(frozen=True)
class Entry:
    """A file of a commit."""

    mode: str
    data: bytes


Tree = Mapping[str, Entry]
Edit = Callable[[Tree], Tree]


def written(name: str, data: bytes, mode: str) -> Edit:
    return lambda tree: {**tree, name: Entry(mode, data)}


def edited(name: str, line: bytes, at: int) -> Edit:
    def edit(tree: Tree) -> Tree:
        if name not in tree:
            return tree
        lines = tree[name].data.splitlines(keepends=True)
        return {**tree, name: Entry(tree[name].mode, b"".join([*lines[:at], line, *lines[at:]]))}

    return edit


def renamed(old: str, new: str) -> Edit:
    def rename(tree: Tree) -> Tree:
        kept = {name: entry for name, entry in tree.items() if name != old}
        return {**kept, new: tree[old]} if old in tree else tree

    return rename


def deleted(name: str) -> Edit:
    return lambda tree: {other: entry for other, entry in tree.items() if other != name}


NAME = st.sampled_from(NAMES)
CONTENT = st.one_of(
    st.lists(LINES, max_size=5).map(lambda lines: BODY + b"".join(lines)),
    st.lists(LINES, max_size=5).map(b"".join),
    st.just(b"\0\1binary\n"),
)
EDIT = st.one_of(
    st.builds(written, NAME, CONTENT, st.sampled_from([FILE, FILE, PROGRAM])),
    st.builds(written, NAME, st.just(b"/etc/passwd"), st.just(LINK)),
    st.builds(edited, NAME, LINES, st.integers(0, 14)),
    st.builds(renamed, NAME, NAME),
    st.builds(deleted, NAME),
)
HISTORY = st.lists(st.lists(EDIT, min_size=1, max_size=3), min_size=2, max_size=4)


def commit(root: Path, tree: Tree) -> str:
    run(root, "read-tree", "--empty")
    for name, entry in tree.items():
        blob = run(root, "hash-object", "-w", "--stdin", feed=entry.data).decode().strip()
        run(root, "update-index", "--add", "--cacheinfo", f"{entry.mode},{blob},{name}")
    return run(root, "write-tree").decode().strip()


def files_of(tree: Tree) -> dict[str, bytes]:
    """Return the regular files."""
    return {name: entry.data for name, entry in tree.items() if entry.mode != LINK}


def object_of(root: Path, name: str) -> bytes | None:
    found = subprocess.run(["git", "cat-file", "blob", name], cwd=root, capture_output=True, check=False)
    return found.stdout if found.returncode == 0 else None


@given(HISTORY)
@settings(max_examples=4, deadline=None)
def test_each_commit_gives_both_of_its_sides_and_is_blamed_for_its_own_lines(history: list[list[Edit]]) -> None:
    tree: Tree = {"src/a.py": Entry(FILE, BODY + b"print(1)\n")}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        run(root, "init", "--quiet")
        before = commit(root, tree)
        for edits in history:
            old = tree
            for edit in edits:
                tree = edit(tree)
            after = commit(root, tree)
            files = parse_diff(run(root, *PLAIN, before, after, "--"))
            # From either side, as a bare diff is judged before it is applied, and after.
            for side in (old, tree):
                links = frozenset(side.keys() - files_of(side).keys())
                there = Snapshot(in_memory(files_of(side)).files, links)
                head, change = changed_sources(files, there, lambda name: object_of(root, name), lambda _: True)
                assert change.unknown == {}
                assert {name: file.read() for name, file in head.files.items()} == files_of(tree)
                assert {name: file.read() for name, file in change.base.items()}.items() <= files_of(old).items()
                verdict = Judge(POLICY, ParseCache(), date(2026, 1, 1)).change(head, change)
                for found in verdict.counting:
                    line, added = found.match.place.line, change.added[found.file]
                    assert found.rule != "prints" or line in added, (found, added)
            before = after
