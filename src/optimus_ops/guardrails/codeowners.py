"""Who owns which files, as GitHub reads CODEOWNERS: of the patterns that match a path, the last one says it.

Source: https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from optimus_ops.text.globs import matches

FILES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
"""The first of them that is there counts."""
NOREPLY = re.compile(r"(?:\d+\+)?([^@+]+)@users\.noreply\.github\.com")
BLANKS = re.compile(r"(?<!\\)\s+")
UNSUPPORTED = ("!", "[", "\\#")
Person = frozenset[str]
"""The names of one author: handles (`@octocat`, `@org/team`) and addresses, in small letters."""


@dataclass(frozen=True)
class CodeOwners:
    """Patterns of paths, and who owns what they match; nobody where a pattern has no owner."""

    rules: tuple[tuple[tuple[str, ...], frozenset[str]], ...] = ()

    def owners(self, path: str) -> frozenset[str]:
        """Return the owners of a path."""
        return next((owners for globs, owners in reversed(self.rules) if matches(path, globs)), frozenset())

    def owned_by(self, path: str, people: Iterable[Person]) -> bool:
        """Tell whether each of several authors owns a path; without any author, nobody does."""
        owners, every = self.owners(path), tuple(people)
        return bool(every) and all(person & owners for person in every)


def parse_codeowners(text: str) -> CodeOwners:
    """Return what a file states; lines that GitHub skips are skipped."""
    rules = []
    for line in text.splitlines():
        words = BLANKS.split(re.split(r"(?:^|\s)#", line, maxsplit=1)[0].strip())
        if words[0] and not any(mark in words[0] for mark in UNSUPPORTED):
            rules.append((_globs(words[0].replace("\\ ", " ")), frozenset(word.lower() for word in words[1:])))
    return CodeOwners(tuple(rules))


def _globs(pattern: str) -> tuple[str, ...]:
    """Return the patterns of all paths below what a pattern means."""
    anchored = "/" in pattern.rstrip("/")
    path = pattern.strip("/")
    base = path if anchored else f"**/{path}"
    if pattern.endswith("/"):
        return (f"{base}/**",)
    # `docs/*` is what is in the folder, and nothing of the folders in it.
    return (base,) if path.endswith("/*") else (base, f"{base}/**")


def person(names: Iterable[str]) -> Person:
    """Return an author by handles and addresses; GitHub's own addresses have the handle in them."""
    given = {name.strip().lower() for name in names if name.strip()}
    return frozenset({*given, *(f"@{found[1]}" for name in given if (found := NOREPLY.fullmatch(name)))})
