"""Who made a change: as a caller says, else as git has it of its commits and of what is not committed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from optimus_ops.guardrails.codeowners import Person, person
from optimus_ops.guardrails.git_files import git_text
from optimus_ops.system.process import CommandFailed

People = Callable[[], tuple[Person, ...]]
"""Asked for only where the base's policy asks who made a change."""


def nobody() -> tuple[Person, ...]:
    """Return no author: of a bare diff, nobody knows who made it."""
    return ()


def given(author: str) -> tuple[Person, ...]:
    """Return the one author whose names a caller lists: `@octocat,octocat@example.com,@org/team`."""
    return (person(author.split(",")),)


def of_commits(root: Path, base: str, head: str) -> tuple[Person, ...]:
    """Return the authors of the commits between two, by the addresses that these have."""
    found = git_text(root, "log", "--format=%ae", f"{base}..{head}", "--").splitlines()
    return tuple(dict.fromkeys(person([address]) for address in found))


def of_work_tree(root: Path, base: str) -> tuple[Person, ...]:
    """Return the authors since a commit, and whoever works here if something is not committed."""
    committed = of_commits(root, base, "HEAD")
    if not git_text(root, "status", "--porcelain"):
        return committed
    try:
        own = git_text(root, "config", "user.email").strip()
    except CommandFailed:
        own = ""
    return tuple(dict.fromkeys([*committed, person([own])]))
