"""Commits of this repository, each judged against its parent by the policy of today.

What is found is a false positive, unless `agreed.yaml` says why it is right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.guardrails_proof.git_objects import GitObjects

from optimus_ops.guardrails.diff import parse_diff
from optimus_ops.guardrails.diff_sources import changed_sources
from optimus_ops.guardrails.git_files import diff_of_commits, git_text
from optimus_ops.guardrails.judge import Judge
from optimus_ops.guardrails.model import Violation

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


@dataclass(frozen=True)
class Commit:
    """A commit, by its subject, which stays when a branch is put on another base."""

    name: str
    parent: str
    subject: str


@dataclass(frozen=True)
class HistoricFinding:
    """A violation that a commit added."""

    commit: Commit
    violation: Violation

    @property
    def key(self) -> tuple[str, str, str]:
        """What an agreed finding names: the commit's subject, the rule and the file."""
        return self.commit.subject, self.violation.rule, self.violation.file


def last_commits(root: Path, count: int) -> tuple[Commit, ...]:
    """Return the last commits that are no merges, the newest first; the last of a shallow history has no parent."""
    words = ("log", f"--max-count={count}", "--no-merges", "--format=%H%x00%P%x00%s")
    rows = (line.split("\0") for line in git_text(root, *words).splitlines())
    return tuple(Commit(name, parents or EMPTY_TREE, subject) for name, parents, subject in rows)


def is_shallow(root: Path) -> bool:
    """Tell whether a clone has only a part of its history."""
    return git_text(root, "rev-parse", "--is-shallow-repository").strip() == "true"


def judge_commits(
    root: Path, objects: GitObjects, judge: Judge, commits: Iterable[Commit]
) -> Iterator[HistoricFinding]:
    """Give what each commit added to its parent."""
    for commit in commits:
        files = parse_diff(diff_of_commits(root, commit.parent, commit.name))
        head, change = changed_sources(files, objects.snapshot(commit.name), objects.known, judge.policy.judges)
        for violation in judge.change(head, change).counting:
            yield HistoricFinding(commit, violation)
