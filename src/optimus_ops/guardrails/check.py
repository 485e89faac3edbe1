"""`invoke guardrails.check`: the change since a base, or the whole repository."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from optimus_ops.ci.git_changes import merge_base
from optimus_ops.errors import Refused
from optimus_ops.guardrails.authors import given, of_commits, of_work_tree
from optimus_ops.guardrails.change_verdict import judge_diff
from optimus_ops.guardrails.diff import parse_diff
from optimus_ops.guardrails.git_files import diff_of_commits, diff_to_work_tree
from optimus_ops.guardrails.model import Verdict
from optimus_ops.guardrails.policy import check_patterns
from optimus_ops.guardrails.report_lines import lines_of
from optimus_ops.guardrails.repository import Repository, checked_tree, open_commit, open_repository
from optimus_ops.guardrails.show import show

BASE = "main"
COMMAND = "invoke guardrails.check"


@dataclass(frozen=True)
class CheckRequest:
    """What is to be judged: the change from `base` to the commit `head`, "" for the work tree; or everything.

    `author` has the names of who made it, "" for those that git has.
    """

    base: str = ""
    head: str = ""
    all: bool = False
    json: bool = False
    report: str = ""
    author: str = ""

    @property
    def command(self) -> str:
        """The command line that asks for it."""
        words = ["--all"] if self.all else ["--base", self.base or BASE, *(["--head", self.head] if self.head else [])]
        return " ".join([COMMAND, *words])


def check(request: CheckRequest) -> None:
    """Judge, and report.

    Raises:
        OpsError: rules are broken.
        Refused: the request, the policy or the checkout can't be used.
    """
    if (request.base or request.head) and request.all:
        raise Refused(
            "--all excludes --base and --head", "it judges everything in the work tree, whatever it was before"
        )
    if request.head:
        repository, verdict = _range(request.base or BASE, request.head, request.author)
    else:
        repository = open_repository()
        base, author = request.base or BASE, request.author
        verdict = _everything(repository) if request.all else judge_change(repository, base, author)
    repository.cache.write()
    show(verdict, repository.policy, request.command, as_json=request.json, folder=request.report)


def _range(base: str, head: str, author: str) -> tuple[Repository, Verdict]:
    repository, commit = open_commit(head)
    parting = commit.merge_base(base)
    files = parse_diff(diff_of_commits(repository.root, parting, commit.name))
    tree = commit.snapshot()
    check_patterns(repository.policy, tree.files)
    people = partial(given, author) if author else partial(of_commits, repository.root, parting, commit.name)
    verdict = judge_diff(repository, files, tree, people=people)
    return repository, replace(verdict, scope=f"{head} since {parting[:12]} ({base})")


def _everything(repository: Repository) -> Verdict:
    head = checked_tree(repository)
    verdict = repository.judge.everything(head, repository.baseline())
    return replace(verdict, scope="all files", sources=lines_of(verdict, head))


def judge_change(repository: Repository, reference: str, author: str = "") -> Verdict:
    """Judge what changed since the merge base with a reference, the work tree included.

    Raises:
        Refused: the reference, the policy or the checkout can't be used.
    """
    head = checked_tree(repository)
    base = merge_base(repository.root, reference)
    files = parse_diff(diff_to_work_tree(repository.root, base))
    people = partial(given, author) if author else partial(of_work_tree, repository.root, base)
    verdict = judge_diff(repository, files, head, head.untracked, people)
    return replace(verdict, scope=f"the change since {base[:12]} ({reference})")
