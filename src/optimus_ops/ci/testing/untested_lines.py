"""Changed lines that no test runs, and branches that none takes: coverage against the difference to the base."""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from optimus_ops.reports.model import Finding
from optimus_ops.reports.place import Place

MOST_OF_A_FILE = 10
MOST = 50
RULE = "tests/untested"
HUNK = re.compile(r"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
NEW_FILE = "+++ b/"


@dataclass(frozen=True)
class FileLines:
    """What tests did with the lines of a file; a jump to a negative line leaves the function or module."""

    executed: Sequence[int] = ()
    missing: Sequence[int] = ()
    missing_branches: Sequence[tuple[int, int]] = ()


def changed_lines(diff: str) -> dict[str, set[int]]:
    """Return file -> its new and changed lines, of `git diff --unified=0`."""
    found: dict[str, set[int]] = {}
    name, of_hunk = "", 0
    for line in diff.split("\n"):
        # A line of a file may look like a head of the difference.
        if of_hunk and line.startswith(("-", "+")):
            of_hunk -= 1
        elif line.startswith("+++ "):
            name = line.removeprefix(NEW_FILE) if line.startswith(NEW_FILE) else ""
        elif match := HUNK.match(line):
            removed, first, added = int(match[1] or 1), int(match[2]), int(match[3] or 1)
            of_hunk = removed + added
            found.setdefault(name, set()).update(range(first, first + added))
    return {name: lines for name, lines in found.items() if name and lines}


def untested_findings(changed: Mapping[str, set[int]], files: Mapping[str, FileLines]) -> tuple[Finding, ...]:
    """Return a note for each run of changed lines without a test, a few for each file."""
    found: list[Finding] = []
    for name in sorted(changed.keys() & files.keys()):
        of_file = list(_of_file(name, changed[name], files[name]))
        found += of_file[:MOST_OF_A_FILE]
        if (left := len(of_file) - MOST_OF_A_FILE) > 0:
            found.append(Finding(RULE, "note", f"and {left} more places without a test", Place(name)))
    if len(found) > MOST:
        found = [*found[:MOST], Finding(RULE, "note", f"and {len(found) - MOST} more")]
    return tuple(found)


def _of_file(name: str, changed: set[int], lines: FileLines) -> Iterator[Finding]:
    for first, last in _runs([line for line in lines.missing if line in changed], lines.executed):
        said = f"line {first} is" if first == last else f"lines {first} to {last} are"
        yield Finding(RULE, "note", f"{said} run by no test", Place(name, first))
    for origin, target in sorted(lines.missing_branches):
        if origin in changed:
            where = f"to line {target}" if target > 0 else "out of the function"
            yield Finding(RULE, "note", f"no test goes from line {origin} {where}", Place(name, origin))


def _runs(missing: Iterable[int], executed: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Give the first and last line of statements that follow one another with none between that was executed."""
    ordered = sorted(executed)
    run: tuple[int, int] | None = None
    for line in sorted(missing):
        if run and bisect(ordered, run[0]) == bisect(ordered, line):
            run = run[0], line
        else:
            if run:
                yield run
            run = line, line
    if run:
        yield run
