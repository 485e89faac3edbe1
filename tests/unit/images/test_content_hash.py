from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from optimus_ops.images.content_hash import content_hash


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "one"
    (root / "src").mkdir(parents=True)
    (root / "src" / "app.py").write_text("x = 1\n")
    (root / "lock.txt").write_text("a==1\n")
    return root


def of(root: Path, *facts: str) -> str:
    return content_hash(root, [root / "src", root / "lock.txt"], facts)


def test_another_checkout_of_the_same_files_has_the_same_hash(tree: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(tree, tmp_path / "two")
    assert of(tree) == of(copy)


def test_content_name_mode_and_facts_count(tree: Path) -> None:
    seen = {of(tree), of(tree, "a"), of(tree, "a", "b"), of(tree, "ab")}
    (tree / "src" / "app.py").write_text("x = 2\n")
    seen.add(of(tree))
    (tree / "src" / "app.py").rename(tree / "src" / "main.py")
    seen.add(of(tree))
    (tree / "src" / "main.py").chmod(0o755)
    seen.add(of(tree))
    assert len(seen) == 7


def test_what_does_not_reach_the_build_does_not_count(tree: Path) -> None:
    before = of(tree)
    for name in ("src/__pycache__/app.cpython-312.pyc", "src/tests/test_app.py", "src/old.pyc"):
        (tree / name).parent.mkdir(exist_ok=True)
        (tree / name).write_text("anything")
    assert of(tree) == before


def test_a_missing_path_counts_as_empty(tree: Path) -> None:
    assert content_hash(tree, [tree / "none"]) == content_hash(tree, [])
