"""`invoke guardrails.check`: the change since a base, or the whole repository."""

from __future__ import annotations

from dataclasses import dataclass, replace

from optimus_ops.ci.git_changes import merge_base
from optimus_ops.errors import Refused
from optimus_ops.guardrails.change_verdict import judge_diff
from optimus_ops.guardrails.diff import parse_diff
from optimus_ops.guardrails.git_files import diff_to_work_tree, untracked, work_tree
from optimus_ops.guardrails.model import Verdict
from optimus_ops.guardrails.policy import check_patterns
from optimus_ops.guardrails.report import show
from optimus_ops.guardrails.report_lines import lines_of
from optimus_ops.guardrails.repository import Repository, open_repository
from optimus_ops.guardrails.sources import Snapshot

BASE = "main"
COMMAND = "invoke guardrails.check"


@dataclass(frozen=True)
class CheckRequest:
    """What is to be judged: the change since `base`, or everything."""

    base: str = ""
    all: bool = False
    json: bool = False
    report: str = ""


def check(request: CheckRequest) -> None:
    """Judge, and report.

    Raises:
        OpsError: rules are broken.
        Refused: the request, the policy or the checkout can't be used.
    """
    if request.base and request.all:
        raise Refused("--base and --all exclude each other", "--all judges everything, whatever it was before")
    repository = open_repository()
    head = work_tree(repository.root)
    check_patterns(repository.policy, head.files)
    verdict = _everything(repository, head) if request.all else _change(repository, head, request.base or BASE)
    repository.cache.write()
    command = " ".join([COMMAND, *(["--all"] if request.all else ["--base", request.base or BASE])])
    show(verdict, repository.policy, command, as_json=request.json, folder=request.report)


def _everything(repository: Repository, head: Snapshot) -> Verdict:
    verdict = repository.judge.everything(head, repository.baseline())
    return replace(verdict, scope="all files", sources=lines_of(verdict, head))


def _change(repository: Repository, head: Snapshot, reference: str) -> Verdict:
    base = merge_base(repository.root, reference)
    files = parse_diff(diff_to_work_tree(repository.root, base))
    verdict = judge_diff(repository, files, head, untracked(repository.root))
    return replace(verdict, scope=f"the change since {base[:12]} ({reference})")
