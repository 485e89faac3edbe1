"""A diff judged on a checkout, by the policy after it; what the policy before it would say as well is a warning."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from optimus_ops.errors import Refused
from optimus_ops.guardrails.authors import People, nobody
from optimus_ops.guardrails.codeowners import FILES as CODEOWNERS_FILES
from optimus_ops.guardrails.codeowners import CodeOwners, parse_codeowners
from optimus_ops.guardrails.diff import FileDiff
from optimus_ops.guardrails.diff_sources import changed_sources, with_untracked
from optimus_ops.guardrails.git_files import blob
from optimus_ops.guardrails.judge import Judge, Permission
from optimus_ops.guardrails.model import Verdict, Violation
from optimus_ops.guardrails.policy import FILE, Policy, parse_policy
from optimus_ops.guardrails.report_lines import lines_of
from optimus_ops.guardrails.repository import Repository
from optimus_ops.guardrails.sources import Change, Snapshot

OWN = frozenset({FILE, *CODEOWNERS_FILES})
"""What is read of a change beside what is judged."""
HIDDEN = "the change edits policy.yaml: the policy before it forbids this"


def judge_diff(
    repository: Repository,
    files: Iterable[FileDiff],
    tree: Snapshot,
    untracked: Iterable[str] = (),
    people: People = nobody,
) -> Verdict:
    """Return the verdict on a diff, and on files that git doesn't know yet; `people` made it."""
    policy = repository.policy
    head, change = changed_sources(
        files, tree, lambda name: blob(repository.root, name), lambda path: path in OWN or policy.reads(path)
    )
    change = with_untracked(change, tree, untracked)
    before = _policy_before(policy, change)
    verdict = repository.judge.change(head, change, _permission(policy, before, head, change, people))
    if before is not None and before is not policy and not before.same_change_waivers:
        hidden = _hidden(repository.judge, before, verdict, head, change)
        verdict = replace(verdict, counting=(*verdict.counting, *hidden))
    return replace(verdict, sources=lines_of(verdict, head))


def _policy_before(policy: Policy, change: Change) -> Policy | None:
    """Return the policy before the change; None if there was none, or one that can't be read."""
    if FILE not in change.paths:
        return policy
    try:
        return parse_policy(change.base[FILE].read().decode("utf-8-sig")) if FILE in change.base else None
    except (Refused, UnicodeDecodeError):
        return None


def _permission(policy: Policy, before: Policy | None, head: Snapshot, change: Change, people: People) -> Permission:
    """Return what governs the change: by the policy before it, and by who owned the files before it."""
    if before is None:
        return Permission()
    if before.same_change_waivers:
        return Permission(lambda _: True, policy.waivers)
    standing = tuple(waiver for waiver in policy.waivers if waiver in before.waivers)
    if not before.owners_waive:
        return Permission(policy_waivers=standing)
    owners, authors = _owners_before(head, change), people()
    may_policy = owners.owned_by(FILE, authors)
    return Permission(lambda path: owners.owned_by(path, authors), policy.waivers if may_policy else standing)


def _owners_before(head: Snapshot, change: Change) -> CodeOwners:
    """Return who owned which files before the change."""
    for name in CODEOWNERS_FILES:
        file = change.base.get(name) if name in change.paths else head.files.get(name)
        if file is not None:
            return parse_codeowners(file.read().decode("utf-8", "replace"))
    return CodeOwners()


def _hidden(judge: Judge, before: Policy, verdict: Verdict, head: Snapshot, change: Change) -> Iterable[Violation]:
    """Give what only the policy before the change forbids: whoever adds a violation could take its rule out."""
    told = {violation.key for violation in (*verdict.counting, *verdict.waived)}
    for violation in replace(judge, policy=before).change(head, change).counting:
        if violation.key not in told:
            yield replace(violation, level="warning", notes=(*violation.notes, HIDDEN))
