"""Times of a whole run of nox: of each session and of each of its test files.

`python -m benchmarks.recorded_timings build/reports lint=1 typecheck=41 docs=3` records them anew: from the JUnit files
of a run, and the seconds that nox tells of the sessions that have none.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from optimus_ops.ci.testing.junit_file import read_junit

FILE = Path(__file__).with_suffix(".json")
FOLDERS = ("tests/", "services/")


@dataclass(frozen=True)
class SessionTimes:
    """Seconds of a session, and of its test files: these run beside one another, so that their sum is larger."""

    seconds: float
    files: Mapping[str, float] = field(default_factory=dict)

    def of(self, tests: Sequence[str]) -> float:
        """Return the seconds that some of the tests take of the session's; none: all. A new file counts as the mean."""
        if not tests or not self.files:
            return self.seconds
        whole = sum(self.files.values())
        mean = whole / len(self.files)
        return min(self.seconds, self.seconds * sum(self.files.get(test, mean) for test in tests) / whole)


@dataclass(frozen=True)
class Recorded:
    """The times of a run, and its day."""

    day: str
    sessions: Mapping[str, SessionTimes]

    @property
    def seconds(self) -> float:
        """The seconds of all sessions, one after the other."""
        return sum(session.seconds for session in self.sessions.values())


def read_recorded(path: Path = FILE) -> Recorded:
    """Return the times that are recorded."""
    found = json.loads(path.read_text("utf-8"))
    return Recorded(found["day"], {name: SessionTimes(**times) for name, times in found["sessions"].items()})


def session_times(junit: Path) -> SessionTimes:
    """Return the times of a session by its JUnit file; a test that a library defines has no file of ours."""
    results = read_junit(junit, junit.parent.name)
    files: defaultdict[str, float] = defaultdict(float)
    for case in results.cases:
        if case.place and case.place.file.startswith(FOLDERS):
            files[case.place.file] += case.seconds
    return SessionTimes(round(results.seconds, 1), {name: round(files[name], 2) for name in sorted(files)})


def main(words: Sequence[str]) -> int:
    """Record the times of a folder of results, and of the sessions named with their seconds."""
    named = {name: SessionTimes(float(seconds)) for name, _, seconds in (word.partition("=") for word in words[1:])}
    measured = {path.parent.name: session_times(path) for path in sorted(Path(words[0]).glob("*/junit.xml"))}
    found = Recorded(datetime.now(UTC).date().isoformat(), {**named, **measured})
    FILE.write_text(f"{json.dumps(asdict(found), indent=1)}\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
