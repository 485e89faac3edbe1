"""Forms that diffs take in the wild, of other options of git and other programs, and what is read of each."""

from __future__ import annotations

import pytest
from tests.unit.guardrails.test_diff import EDIT, only

from optimus_ops.guardrails.diff import parse_diff
from optimus_ops.guardrails.diff_apply import apply, unapply
from optimus_ops.guardrails.diff_errors import BadDiff

NEW = b"diff --git %s %s\nnew file mode 100644\nindex 0000000..e69de29\n"
BODY = b"@@ -1,2 +1,3 @@\n one\n-two\n+TWO\n+three\n"


def edit(old: bytes, new: bytes) -> bytes:
    return b"diff --git %s %s\nindex 11..22 100644\n--- %s\n+++ %s\n%s" % (old, new, old, new, BODY)


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        (b"src/x.py", b"src/x.py", "src/x.py"),
        (b"x.py", b"x.py", "x.py"),
        (b"a/x.py", b"a/x.py", "a/x.py"),
        (b"b/a/x.py", b"b/a/x.py", "b/a/x.py"),
        (b"a/b/x.py", b"b/b/x.py", "b/x.py"),
        (b"a/a/x.py", b"b/a/x.py", "a/x.py"),
        (b"i/x.py", b"w/x.py", "x.py"),
        (b"c/x.py", b"o/x.py", "x.py"),
        (b"1/x.py", b"2/x.py", "x.py"),
        (b"b/x.py", b"a/x.py", "x.py"),
        (rb'"w/\345\255\227.py"', rb'"w/\345\255\227.py"', "w/字.py"),
    ],
    ids=lambda value: value.decode() if isinstance(value, bytes) else "",
)
def test_names_with_and_without_prefixes(old: bytes, new: bytes, path: str) -> None:
    file = only(edit(old, new))
    assert (file.old, file.new, file.added) == (path, path, frozenset({2, 3}))


def test_new_and_deleted_files_without_prefixes() -> None:
    new = NEW % (b"a/x.py", b"a/x.py") + b"--- /dev/null\n+++ a/x.py\n@@ -0,0 +1 @@\n+x\n"
    gone = b"diff --git b/x b/x\ndeleted file mode 100644\n--- b/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"
    assert (only(new).old, only(new).new, only(gone).old, only(gone).new) == (None, "a/x.py", "b/x", None)


def test_a_rename_without_prefixes() -> None:
    names = b"similarity index 60%\nrename from a/x.py\nrename to b/long.py\n--- a/x.py\n+++ b/long.py\n"
    file = only(b"diff --git a/x.py b/long.py\n" + names + BODY)
    assert (file.old, file.new) == ("a/x.py", "b/long.py")


def test_a_rename_across_directories_with_an_edit_has_both_names_and_its_lines() -> None:
    names = b"similarity index 60%\nrename from src/old/a.py\nrename to lib/new/b.py\n"
    file = only(
        b"diff --git a/src/old/a.py b/lib/new/b.py\n" + names + b"--- a/src/old/a.py\n+++ b/lib/new/b.py\n" + BODY
    )
    assert (file.old, file.new, file.copied) == ("src/old/a.py", "lib/new/b.py", False)
    assert apply(file, b"one\ntwo\n") == b"one\nTWO\nthree\n"


def test_a_copy_says_that_it_is_one() -> None:
    names = b"similarity index 100%\ncopy from a.py\ncopy to b.py\n"
    file = only(b"diff --git a/a.py b/b.py\n" + names)
    assert (file.old, file.new, file.copied) == ("a.py", "b.py", True)


def test_empty_files_that_come_and_go_beside_one_that_is_edited() -> None:
    gone = b"diff --git a/gone b/gone\ndeleted file mode 100644\nindex e69de29..0000000\n"
    files = parse_diff(NEW % (b"a/new one", b"b/new one") + gone + EDIT)
    assert [(file.old, file.new) for file in files] == [(None, "new one"), ("gone", None), ("a.py", "a.py")]


def test_a_file_that_became_a_link_is_there_twice() -> None:
    gone = b"diff --git a/a b/a\ndeleted file mode 100644\n--- a/a\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"
    link = b"diff --git a/a b/a\nnew file mode 120000\n--- /dev/null\n+++ b/a\n@@ -0,0 +1 @@\n+/etc/passwd\n"
    assert [(file.path, file.is_file) for file in parse_diff(gone + link + b"\\ No newline at end of file\n")] == [
        ("a", True),
        ("a", False),
    ]


@pytest.mark.parametrize(
    ("before", "after", "body"),
    [
        (b"a", b"a\n", b"-a\n\\ No newline at end of file\n+a\n"),
        (b"a\n", b"a", b"-a\n+a\n\\ No newline at end of file\n"),
        (b"a", b"b", b"-a\n\\ No newline at end of file\n+b\n\\ No newline at end of file\n"),
        (b"a\r\n", b"a\n", b"-a\r\n+a\n"),
        (b"a\r\n", b"b\r\n", b"-a\r\n+b\r\n"),
        (b"\xff\n", b"\xfe\n", b"-\xff\n+\xfe\n"),
        (b"-- a\n", b"++ b\n", b"--- a\n+++ b\n"),
        (b"a" * 1_000_000, b"b" * 1_000_000, b"-%s\n\\ x\n+%s\n\\ x\n" % (b"a" * 1_000_000, b"b" * 1_000_000)),
    ],
    ids=["adds EOL", "drops EOL", "no EOL", "CRLF to LF", "CRLF", "not UTF-8", "like headers", "long lines"],
)
def test_one_line_becomes_another_and_back(before: bytes, after: bytes, body: bytes) -> None:
    file = only(b"diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n" + body)
    assert (apply(file, before), unapply(file, after), file.added) == (after, before, frozenset({1}))


def test_a_translated_remark_about_the_missing_newline_is_one() -> None:
    body = b"-a\n\\ Kein Zeilenumbruch am Dateiende.\n+a\n"
    assert apply(only(b"diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n" + body), b"a") == b"a\n"


def test_a_mode_and_lines_change_at_once() -> None:
    modes = b"diff --git a/a b/a\nold mode 100644\nnew mode 100755\nindex 11..22\n--- a/a\n+++ b/a\n"
    file = only(modes + BODY)
    assert (file.old_mode, file.new_mode, file.added) == (0o100644, 0o100755, frozenset({2, 3}))


@pytest.mark.parametrize("word", ["--cc", "--combined"])
def test_combined_diffs_stand_beside_others(word: str) -> None:
    merge = f"diff {word} m.py\nindex 11,22..33\nmode 100644,100644..100755\n--- a/m.py\n+++ b/m.py\n".encode()
    files = parse_diff(EDIT + merge + b"@@@ -1,1 -1,1 +1,1 @@@\n- x\n -y\n++z\n" + EDIT.replace(b"a.py", b"z.py"))
    assert [(file.path, file.combined, bool(file.hunks)) for file in files] == [
        ("a.py", False, True),
        ("m.py", True, False),
        ("z.py", False, True),
    ]


@pytest.mark.parametrize(
    "name",
    [b"a\x1b[2J.py", b"a\tb.py", rb"\34a.py", b"a\0.py", rb"a\x.py", b'a"b.py', b"~/../x", b"a" * 5000],
    ids=["control", "tab", "backslash", "null", "unknown escape", "quotation mark", "parent", "long"],
)
def test_names_that_git_would_not_write_are_refused_in_one_printable_line(name: bytes) -> None:
    with pytest.raises(BadDiff) as refused:
        parse_diff(EDIT.replace(b"a/a.py", b"a/%s" % name).replace(b"b/a.py", b"b/%s" % name))
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 1500


def test_the_signature_of_a_mailed_patch_is_no_line_of_it() -> None:
    file = only(b"From 123 Mon Sep 17 00:00:00 2001\nSubject: x\n---\n a.py | 3 +-\n\n" + EDIT + b"-- \n2.47.3\n\n")
    assert (file.path, file.added) == ("a.py", frozenset({2, 3}))


@pytest.mark.parametrize(
    "data",
    [
        b"diff --git a/a.py b/a.py\n" + b"@@ -1 +1 @@\n-a\n+b\n" + b"@@ -1 +1 @@\n+c\n",
        b"diff --git a/a.py b/b.py\n@@ -1 +1 @@\n-a\n+b\n",
        b"diff --git \n",
        b'diff --git "a/a.py\n',
        b"diff --git a/a.py b/a.py\nindex 1..2\n--- a/a.py\n+++ b/a.py\n@@ -1,99999999999999999999 +1 @@\n-a\n",
    ],
    ids=["hunk cut off", "names differ without a rename", "no names", "open quote", "huge count"],
)
def test_what_is_cut_off_is_refused(data: bytes) -> None:
    with pytest.raises(BadDiff):
        parse_diff(data)


def test_hunks_out_of_order_apply_to_nothing() -> None:
    hunks = b"@@ -5 +5 @@\n-five\n+5\n@@ -1 +1 @@\n-one\n+1\n"
    assert apply(only(b"diff --git a/a b/a\n--- a/a\n+++ b/a\n" + hunks), b"one\n2\n3\n4\nfive\n") is None


def test_several_hunks_apply_one_after_the_other() -> None:
    hunks = b"@@ -1 +1,2 @@\n-one\n+1\n+1.5\n@@ -4 +5 @@\n-four\n+4\n"
    file = only(b"diff --git a/a b/a\n--- a/a\n+++ b/a\n" + hunks)
    assert apply(file, b"one\ntwo\nthree\nfour\nfive\n") == b"1\n1.5\ntwo\nthree\n4\nfive\n"
    assert unapply(file, b"1\n1.5\ntwo\nthree\n4\nfive\n") == b"one\ntwo\nthree\nfour\nfive\n"


def test_an_empty_line_without_an_end_is_not_in_a_file_that_ends_its_lines() -> None:
    body = b"@@ -2 +1,0 @@\n-\n\\ No newline at end of file\n"
    assert apply(only(b"diff --git a/a b/a\n--- a/a\n+++ b/a\n" + body), b"a\n") is None
