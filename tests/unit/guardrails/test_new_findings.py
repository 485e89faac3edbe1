"""Of a change, only what it touches or completes is its fault, whatever it and the base hold."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.guardrails.cache import ParseCache
from optimus_ops.guardrails.judge import Judge
from optimus_ops.guardrails.policy import parse_policy
from optimus_ops.guardrails.sources import Change, in_memory

POLICY = parse_policy("""
version: 1
sources: [.]
rules:
  - {id: chain, kind: forbidden-imports, from: a, to: socket, message: m, why: w, mend: m}
  - {id: prints, kind: calls, calls: print, files: ["*.py"], message: m, why: w, mend: m}
""")
LINE = st.sampled_from(
    ["import a\n", "import b\n", "import c\n", "import socket\n", "print(1)\n", "print(2)\n", "x = 1\n"]
)
TREE = st.fixed_dictionaries({f"{name}.py": st.lists(LINE, max_size=6) for name in "abc"})


@given(TREE, TREE)
def test_a_change_is_blamed_for_what_it_adds_alone(before: dict[str, list[str]], after: dict[str, list[str]]) -> None:
    old, new = ({path: "".join(lines) for path, lines in tree.items()} for tree in (before, after))
    changed = {path for path in new if old[path] != new[path]}
    added = {path: frozenset(added_lines(before[path], after[path])) for path in changed}
    change = Change({path: file for path, file in in_memory(old).files.items() if path in changed}, added=added)
    judge = Judge(POLICY, ParseCache(), date(2026, 1, 1))
    found = judge.change(in_memory(new), change).counting
    assert all(violation.match.place.line in added[violation.file] for violation in found)
    there = {violation.key for violation in judge.everything(in_memory(old), ()).counting}
    here = {violation.key for violation in judge.everything(in_memory(new), ()).counting}
    assert {violation.key for violation in found} >= here - there


def added_lines(before: list[str], after: list[str]) -> list[int]:
    """Return the numbers of lines that occur more often than before, counted from the last one."""
    left = list(before)
    numbers = []
    for number, line in enumerate(after, 1):
        if line in left:
            left.remove(line)
        else:
            numbers.append(number)
    return numbers
