"""What BuildKit says while it builds, in a few words."""

from __future__ import annotations

import re
from collections.abc import Callable

STEP = re.compile(r"#(?P<number>\d+) \[(?P<stage>[^\]]+ \d+/\d+)\] (?P<doing>\w+)")
PACKAGE = re.compile(r"#(?P<number>\d+) [\d.]+ (?P<doing>Unpacking|Setting up) (?P<name>[^ :]+)")
EXPORT = re.compile(r"#\d+ naming to (?:docker\.io/)?(?P<image>\S+)")


def telling() -> Callable[[str], str | None]:
    """Return a reader of BuildKit's plain progress: for a line, what is under way now; None if the line doesn't say.

    `#9 [postgres 2/4] RUN apt-get …` gives `postgres 2/4 RUN`, and `#9 4.31 Setting up libpq5:amd64 …` after it
    `postgres 2/4: setting up libpq5`.
    """
    stages: dict[str, str] = {}

    def tell(line: str) -> str | None:
        if match := STEP.match(line):
            stages[match["number"]] = match["stage"]
            return f"{match['stage']} {match['doing']}"
        if match := PACKAGE.match(line):
            return f"{stages.get(match['number'], 'packages')}: {match['doing'].lower()} {match['name']}"
        if match := EXPORT.match(line):
            return f"{match['image']} is made"
        return None

    return tell
