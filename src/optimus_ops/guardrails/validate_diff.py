"""`git diff main...HEAD | invoke guardrails.validate-diff`: a diff of standard input."""

from __future__ import annotations

import sys
from collections.abc import Collection
from dataclasses import replace
from functools import partial

from optimus_ops.errors import Refused
from optimus_ops.guardrails.authors import given, nobody
from optimus_ops.guardrails.change_verdict import judge_diff
from optimus_ops.guardrails.diff import MOST_DIFF_BYTES, FileDiff, below, parse_diff
from optimus_ops.guardrails.git_files import folder_in_repository
from optimus_ops.guardrails.model import Verdict
from optimus_ops.guardrails.repository import Repository, checked_tree, open_repository
from optimus_ops.guardrails.show import show
from optimus_ops.guardrails.sources import Snapshot
from optimus_ops.reports.place import shown

COMMAND = "git diff main...HEAD | invoke guardrails.validate-diff"


def validate_diff(*, as_json: bool, report: str, author: str = "") -> None:
    """Judge the diff; what it leaves out is taken from the checkout, or said to be unknown.

    Raises:
        OpsError: rules are broken, or a file's content is not at hand.
        Refused: standard input holds no diff that can be trusted.
    """
    # Standard input may be closed (`<&-`).
    if sys.__stdin__ is None or sys.stdin.isatty():
        raise Refused("a diff is expected on standard input", COMMAND)
    data = sys.stdin.buffer.read(MOST_DIFF_BYTES + 1)
    repository = open_repository()
    verdict = judge_given_diff(repository, data, author)
    repository.cache.write()
    show(verdict, repository.policy, COMMAND, as_json=as_json, folder=report)


def judge_given_diff(repository: Repository, data: bytes, author: str = "") -> Verdict:
    """Judge a diff on the work tree, whether it is applied there or not.

    Raises:
        Refused: it is no diff that can be trusted.
    """
    files = below(parse_diff(data), folder_in_repository(repository.root))
    tree = checked_tree(repository)
    _check_root(files, tree)
    people = partial(given, author) if author else nobody
    verdict = judge_diff(repository, files, tree, people=people)
    return replace(verdict, scope=f"a diff of {len(files)} file{'s' * (len(files) != 1)}")


def _check_root(files: Collection[FileDiff], tree: Snapshot) -> None:
    """Refuse a diff whose files are all at home in one folder: rules would take them for other files."""
    folders = [_folders(file, tree) for file in files]
    if common := set.intersection(*folders) if folders else set():
        raise Refused(
            f"the paths of the diff are those from {shown(min(common))}, not from the root of the repository",
            "git diff --no-relative main...HEAD | invoke guardrails.validate-diff",
        )


def _folders(file: FileDiff, tree: Snapshot) -> set[str]:
    """Return the folders that have a new file as it is in the diff, if the root has not."""
    if not file.new or file.new in tree.files or not file.new_blob.strip("0"):
        return set()
    every = ((path, found.key) for path, found in tree.files.items() if path.endswith(f"/{file.new}"))
    return {path.removesuffix(file.new) for path, key in every if key.startswith(file.new_blob)}
