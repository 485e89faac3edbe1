"""Whatever a history of git holds, its diffs parse and apply again, forwards and backwards."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from optimus_ops.guardrails.diff import FileDiff, parse_diff
from optimus_ops.guardrails.diff_apply import apply, unapply
from optimus_ops.guardrails.git_files import PLAIN

NAMES = st.sampled_from(
    ["a.py", "b/a.py", "b/c d.py", "文/字.py", 'q"uote.py', "-dash.py", "b b/x b/y.py", "tab\u00e9.py"]
)
LINES = st.sampled_from(
    ["x = 1\n", "\n", "-- a\n", "++ b\n", "diff --git a/x b/x\n", "@@ -1 +1 @@\n", "é\r\n", "\\ no\n", "\x0c\n", "z"]
)
CONTENTS = st.one_of(
    st.lists(LINES, max_size=9).map(lambda lines: "".join(lines).encode()),
    st.binary(max_size=20).map(lambda data: data.replace(b"\0", b"0")),
)
TREES = st.dictionaries(NAMES, CONTENTS, max_size=5)


@given(TREES, TREES, st.sampled_from(["--unified=0", "--unified=3"]))
@settings(max_examples=20)
def test_any_change_parses_and_applies_again(before: dict[str, bytes], after: dict[str, bytes], context: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        run(root, "init", "--quiet")
        old, new = commit(root, before), commit(root, after)
        diff = run(root, *PLAIN, context, old, new, "--")
    files = parse_diff(diff)
    assert rebuilt(files, before, forwards=True) == after
    assert rebuilt(files, after, forwards=False) == before


def rebuilt(files: tuple[FileDiff, ...], tree: dict[str, bytes], *, forwards: bool) -> dict[str, bytes]:
    made = dict(tree)
    for file in files:
        made.pop((file.old if forwards else file.new) or "", None)
    for file in files:
        source, target = (file.old, file.new) if forwards else (file.new, file.old)
        content = tree[source] if source else b""
        result = apply(file, content) if forwards else unapply(file, content)
        assert result is not None
        if target:
            made[target] = result
    return made


def commit(root: Path, tree: dict[str, bytes]) -> str:
    """Commit exactly these files; return the tree's id."""
    run(root, "read-tree", "--empty")
    for name, data in tree.items():
        blob = run(root, "hash-object", "-w", "--stdin", feed=data).decode().strip()
        run(root, "update-index", "--add", "--cacheinfo", f"100644,{blob},{name}")
    return run(root, "write-tree").decode().strip()


def run(root: Path, *words: str, feed: bytes = b"") -> bytes:
    return subprocess.run(["git", *words], cwd=root, input=feed, check=True, capture_output=True).stdout
