"""Diffs as git writes them in its many forms; what is no diff, or leads outside of the repository, is refused."""

from __future__ import annotations

import pytest

from optimus_ops.guardrails.diff import SUBMODULE, FileDiff, parse_diff
from optimus_ops.guardrails.diff_apply import apply, unapply
from optimus_ops.guardrails.diff_errors import BadDiff

EDIT = b"""diff --git a/a.py b/a.py
index 1111111..2222222 100644
--- a/a.py
+++ b/a.py
@@ -1,2 +1,3 @@ def f():
 one
-two
+TWO
+three
"""


def only(data: bytes) -> FileDiff:
    (file,) = parse_diff(data)
    return file


def test_an_edit_has_blobs_modes_and_the_numbers_of_its_added_lines() -> None:
    file = only(EDIT)
    assert (file.old, file.new, file.old_blob, file.new_blob) == ("a.py", "a.py", "1111111", "2222222")
    assert (file.old_mode, file.new_mode, file.added) == (0o100644, 0o100644, frozenset({2, 3}))


def test_an_edit_applies_forwards_and_backwards_to_its_own_contents_alone() -> None:
    file = only(EDIT)
    assert apply(file, b"one\ntwo\nrest\n") == b"one\nTWO\nthree\nrest\n"
    assert unapply(file, b"one\nTWO\nthree\nrest\n") == b"one\ntwo\nrest\n"
    assert apply(file, b"one\n2\nrest\n") is None
    assert unapply(file, b"one\ntwo\nrest\n") is None


def test_a_missing_newline_at_the_end_is_kept() -> None:
    data = EDIT.replace(b"-two\n", b"-two\n\\ No newline at end of file\n")
    assert apply(only(data), b"one\ntwo") == b"one\nTWO\nthree\n"
    assert apply(only(data), b"one\ntwo\n") is None


def test_carriage_returns_are_part_of_lines() -> None:
    data = EDIT.replace(b" one\n", b" one\r\n").replace(b"two\n", b"two\r\n")
    assert apply(only(data), b"one\r\ntwo\r\n") == b"one\r\nTWO\nthree\n"


@pytest.mark.parametrize(
    ("quoted", "name"),
    [
        (rb"\346\226\207\345\255\227.py", "文字.py"),
        (rb"a\"b.py", 'a"b.py'),
        (rb"caf\303\251.py", "café.py"),
        (rb"a\tb\nc.py", "a\tb\nc.py"),
        (rb"src\\x.py", "src\\x.py"),
        (rb"a\033[31m.py", "a\x1b[31m.py"),
        (rb"\377.py", "\udcff.py"),
        (b"\xff.py", "\udcff.py"),
    ],
)
def test_names_that_git_quotes_are_read(quoted: bytes, name: str) -> None:
    data = EDIT.replace(b"a/a.py", b'"a/' + quoted + b'"').replace(b"b/a.py", b'"b/' + quoted + b'"')
    assert only(data).path == name


def test_names_with_blanks_are_told_apart() -> None:
    assert only(EDIT.replace(b"a.py", b"a b.py")).path == "a b.py"
    assert only(b"diff --git a/x b/y b/x b/y\nold mode 100644\nnew mode 100755\n").path == "x b/y"


def test_a_rename_across_directories_has_both_names() -> None:
    data = b"diff --git a/old/a.py b/new/b.py\nsimilarity index 100%\nrename from old/a.py\nrename to new/b.py\n"
    assert (only(data).old, only(data).new) == ("old/a.py", "new/b.py")


def test_new_and_deleted_files_have_one_name() -> None:
    new = (
        b"diff --git a/a b/a\nnew file mode 100644\nindex 0000000..1111111\n--- /dev/null\n+++ b/a\n@@ -0,0 +1 @@\n+x\n"
    )
    gone = b"diff --git a/a b/a\ndeleted file mode 100644\n--- a/a\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"
    assert (only(new).old, only(new).new, only(gone).old, only(gone).new) == (None, "a", "a", None)
    assert (apply(only(new), b""), apply(only(gone), b"x\n")) == (b"x\n", b"")


def test_an_empty_new_file_has_no_hunks() -> None:
    file = only(b"diff --git a/a b/a\nnew file mode 100644\nindex 0000000..e69de29\n")
    assert (file.old, file.new, file.hunks) == (None, "a", ())


def test_modes_binaries_submodules_and_merges_are_told() -> None:
    mode = only(b"diff --git a/a b/a\nold mode 100644\nnew mode 100755\n")
    assert (mode.old_mode, mode.new_mode) == (0o100644, 0o100755)
    assert only(b"diff --git a/a b/a\nindex 11..22 100644\nBinary files a/a and b/a differ\n").binary
    patch = b"diff --git a/a b/a\nindex 11..22 100644\nGIT binary patch\nliteral 3\nKc$_x!@@ -1 +1 @@\n\n"
    assert only(patch).binary
    submodule = only(b"diff --git a/m b/m\nindex 11..22 160000\n--- a/m\n+++ b/m\n@@ -1 +1 @@\n-S 1\n+S 2\n")
    assert (submodule.new_mode, submodule.is_file) == (SUBMODULE, False)
    assert only(b"diff --cc a.py\nindex 11,22..33\n--- a/a.py\n+++ b/a.py\n@@@ -1,1 -1,1 +1,1 @@@\n--x\n++y\n").combined


def test_what_looks_like_a_header_inside_of_a_hunk_is_a_line() -> None:
    data = b"diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@\n--- a/x\n+++ b/x\n diff --git a/b b/b\n"
    assert apply(only(data), b"-- a/x\ndiff --git a/b b/b\n") == b"++ b/x\ndiff --git a/b b/b\n"


def test_the_message_of_a_commit_before_the_first_file_is_passed_over() -> None:
    assert only(b"commit 123\nAuthor: A\n\n    Subject\n\n" + EDIT).path == "a.py"


@pytest.mark.parametrize(
    "name",
    [
        b"../../etc/passwd",
        b"/etc/passwd",
        b"src/../../x.py",
        b".git/hooks/pre-commit",
        rb"a\000.py",
        rb"\056\056/x.py",
        b"x/./y.py",
        b"x//y.py",
    ],
)
def test_names_outside_of_the_repository_are_refused(name: bytes) -> None:
    data = EDIT.replace(b"a/a.py", b'"a/' + name + b'"').replace(b"b/a.py", b'"b/' + name + b'"')
    with pytest.raises(BadDiff):
        parse_diff(data)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"hello\n", "no diff of git"),
        (EDIT[:-8], "the diff ends"),
        (EDIT.replace(b"+1,3", b"+1,2"), "don't fit"),
        (EDIT.replace(b"+1,3", b"+1,9"), "the diff ends"),
        (EDIT.replace(b" one", b"?one"), "don't fit"),
        (EDIT + EDIT, "twice"),
        (b"--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a\n+b\n", "without a header"),
        (EDIT + b"--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a\n+b\n", "without a header"),
        (EDIT.replace(b"+++ b/a.py", b"+++ b/b.py"), "two names"),
        (b"diff --git a/a b/a\nnew file mode abc\n", "no mode"),
    ],
)
def test_what_contradicts_itself_is_refused(data: bytes, told: str) -> None:
    with pytest.raises(BadDiff, match=told):
        parse_diff(data)


def test_nothing_is_a_diff_without_files() -> None:
    assert parse_diff(b"") == ()
