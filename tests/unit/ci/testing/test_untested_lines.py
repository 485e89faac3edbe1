"""Which changed lines are named as without a test, and how many."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.ci.testing.untested_lines import MOST, MOST_OF_A_FILE, FileLines, changed_lines, untested_findings

DIFF = """\
diff --git a/src/a.py b/src/a.py
--- a/src/a.py
+++ b/src/a.py
@@ -1 +1 @@ def first() -> None:
-    old
+    new
@@ -4,0 +5,3 @@
+++ b/not/a/file.py
+more
+more
@@ -9,2 +11,0 @@
-gone
-gone
diff --git a/gone.py b/gone.py
--- a/gone.py
+++ /dev/null
@@ -1,2 +0,0 @@
-x
-y
diff --git a/straße und weg.py b/straße und weg.py
--- /dev/null
+++ b/straße und weg.py
@@ -0,0 +1,2 @@
+x
+y
"""


def said(changed: set[int], lines: FileLines) -> list[tuple[int, str]]:
    found = untested_findings({"a.py": changed}, {"a.py": lines})
    return [(finding.place.line if finding.place else 0, finding.message) for finding in found]


def test_new_and_changed_lines_are_those_of_the_difference() -> None:
    assert changed_lines(DIFF) == {"src/a.py": {1, 5, 6, 7}, "straße und weg.py": {1, 2}}


def test_lines_that_follow_one_another_are_one_place() -> None:
    # Line 4 is a comment, 6 was run.
    lines = FileLines(executed=(1, 6), missing=(2, 3, 5, 7, 9))
    assert said({2, 3, 4, 5, 7}, lines) == [
        (2, "lines 2 to 5 are run by no test"),
        (7, "line 7 is run by no test"),
    ]


def test_branches_of_changed_lines_that_none_takes_are_named() -> None:
    lines = FileLines(executed=(1, 2, 5), missing_branches=((2, 4), (5, -1), (1, 9)))
    assert said({2, 5}, lines) == [
        (2, "no test goes from line 2 to line 4"),
        (5, "no test goes from line 5 out of the function"),
    ]


def test_what_did_not_change_is_not_named() -> None:
    assert said({1}, FileLines(missing=(2, 3), missing_branches=((3, 4),))) == []
    assert untested_findings({"other.py": {1}}, {"a.py": FileLines(missing=(1,))}) == ()


def test_many_places_are_cut_and_counted() -> None:
    lines = FileLines(executed=tuple(range(0, 60, 2)), missing=tuple(range(1, 60, 2)))
    found = untested_findings({"a.py": set(range(60))}, {"a.py": lines})
    assert len(found) == MOST_OF_A_FILE + 1
    assert found[-1].message == "and 20 more places without a test"
    names = [f"{number}.py" for number in range(9)]
    found = untested_findings({name: set(range(60)) for name in names}, dict.fromkeys(names, lines))
    assert len(found) == MOST + 1
    assert found[-1].message == f"and {9 * (MOST_OF_A_FILE + 1) - MOST} more"


@given(st.sets(st.integers(1, 30)), st.sets(st.integers(1, 30)), st.sets(st.integers(1, 30)))
def test_each_missing_line_that_changed_is_in_one_place(
    changed: set[int], missing: set[int], executed: set[int]
) -> None:
    lines = FileLines(tuple(executed - missing), tuple(missing))
    places = untested_findings({"a.py": changed}, {"a.py": lines})
    numbers = [[int(word) for word in place.message.split() if word.isdecimal()] for place in places]
    spans = [range(found[0], found[-1] + 1) for found in numbers if "more" not in str(found)]
    wanted = changed & missing
    if len(places) <= MOST_OF_A_FILE:
        assert all(sum(line in span for span in spans) == 1 for line in wanted)
        assert not any(line in span for span in spans for line in executed - missing)
