"""Patterns of paths: `*` matches inside a folder, `**` through folders."""

from __future__ import annotations

import re
from functools import cache


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    """Tell whether a path is matched by some of the patterns."""
    return _compiled(patterns).fullmatch(name) is not None


@cache
def _compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    words = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    several = (re.split(r"(\*\*/|\*\*|\*|\?)", pattern) for pattern in patterns)
    return re.compile(
        "|".join("".join(words.get(part, re.escape(part)) for part in parts) for parts in several) or r"(?!)"
    )
