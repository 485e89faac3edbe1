"""What the server asks of the engine: each function answers one call, and runs in a process of its own.

The process stays for the next call, with the policy and what files import and how rules judged them in memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from typing import Concatenate, ParamSpec, TypeVar

from optimus_ops.commandline.failure import os_failure
from optimus_ops.errors import OpsError, Refused
from optimus_ops.guardrails.baseline import apply_baseline, key_of
from optimus_ops.guardrails.cache import ParseCache
from optimus_ops.guardrails.check import BASE, judge_change
from optimus_ops.guardrails.explain import check_inside, explained, rules_for
from optimus_ops.guardrails.file_judgement import read_imports
from optimus_ops.guardrails.judge import Permission, standing_waivers
from optimus_ops.guardrails.model import OWN_RULES, Verdict
from optimus_ops.guardrails.policy import FILE, SCHEMA, Policy, parse_policy
from optimus_ops.guardrails.report_lines import lines_of
from optimus_ops.guardrails.repository import Repository, checked_tree, open_repository, today
from optimus_ops.guardrails.serve.results import (
    CheckResult,
    ExplainedRule,
    FileToCheck,
    PathRules,
    RuleList,
    check_result,
    explained_rule,
    rule_details,
    rule_summary,
)
from optimus_ops.guardrails.sources import Change, Snapshot, SourceFile, blob_key
from optimus_ops.guardrails.validate_diff import judge_given_diff

ARCHITECTURE = "docs/architecture.md"
WRITE_SECONDS = 60.0
"""Between writings of what was parsed: an answer waits for them."""
FILL_SECONDS = 5.0
"""Between writings while a new checkout is parsed: a call that takes too long leaves its part to the next one."""
FILL_FILES = 50

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Refusal:
    """Why a call has no answer; errors of the library don't survive the way between processes."""

    message: str
    hint: str


@dataclass
class Memory:
    """What is kept between calls."""

    cache: ParseCache | None = None
    written: float = float("-inf")
    filled: bool = False
    read: Callable[[str], Policy] = field(default_factory=lambda: lru_cache(maxsize=4)(parse_policy))

    def open(self) -> Repository:
        """Return the checkout as it is now."""
        repository = open_repository(self.read, self.cache)
        self.cache = repository.cache
        return repository

    def keep(self, seconds: float = WRITE_SECONDS) -> None:
        """Write what was parsed, if that was not done for some seconds."""
        if self.cache is not None and time.monotonic() - self.written > seconds:
            self.cache.write()
            self.written = time.monotonic()

    def fill(self, repository: Repository) -> None:
        """Learn what files import, the first time; what is learnt is written as it goes."""
        if self.filled:
            return
        files = list(checked_tree(repository).files.items())
        for start in range(0, len(files), FILL_FILES):
            read_imports(repository.policy, dict(files[start : start + FILL_FILES]), repository.cache)
            self.keep(FILL_SECONDS)
        self.filled = True


@cache
def memory() -> Memory:
    """Return what this process keeps."""
    return Memory()


def answering(
    body: Callable[Concatenate[Repository, Arguments], Answer],
) -> Callable[Arguments, Answer | Refusal]:
    """Let a function be called with the checkout as it is now; its errors become refusals."""

    def call(*words: Arguments.args, **given: Arguments.kwargs) -> Answer | Refusal:
        try:
            answer = body(memory().open(), *words, **given)
            memory().keep()
            return answer
        except OpsError as error:
            return Refusal(error.message, error.hint or "")
        except OSError as error:
            failure = os_failure(error)
            return Refusal(failure.message, failure.hint or "")

    # By this name it is found in the other process.
    call.__qualname__ = body.__name__
    call.__module__ = body.__module__
    return call


@answering
def list_rules(repository: Repository) -> RuleList:
    """Return all rules."""
    return RuleList(rules=[rule_summary(rule) for rule in repository.policy.rules])


@answering
def rules_for_path(repository: Repository, path: str) -> PathRules:
    """Return the rules that hold for a file."""
    check_inside(path)
    rules = [rule_details(rule) for rule in rules_for(repository.policy, path)]
    return PathRules(path=path, exists=path in checked_tree(repository).files, rules=rules)


@answering
def explain_rule(repository: Repository, name: str) -> ExplainedRule:
    """Return all that the policy says of a rule."""
    if name not in OWN_RULES:
        return explained_rule(repository.policy.rule(name))
    mend = "the message of the violation says what is wrong"
    why = "rules of the engine itself, which no policy can switch off"
    return ExplainedRule(
        id=name, kind="engine", severity="error", message=OWN_RULES[name], why=why, mend=mend, good=[], bad=[], place=""
    )


@answering
def check_diff(repository: Repository, diff: str, base: str) -> CheckResult:
    """Judge a diff; without one, what changed since the merge base with a reference."""
    memory().fill(repository)
    if diff.strip():
        verdict = judge_given_diff(repository, diff.encode("utf-8", "surrogatepass"))
    elif base.startswith("-"):
        raise Refused(f"{base}: a branch or a commit is expected", "as main, or HEAD")
    else:
        verdict = judge_change(repository, base or BASE)
    return check_result(verdict)


@answering
def check_files(repository: Repository, files: Sequence[FileToCheck]) -> CheckResult:
    """Judge files as a whole, as they are or as they would be."""
    memory().fill(repository)
    tree = checked_tree(repository)
    verdict = _judged(repository, tree, {file.path: _source(file, tree) for file in files})
    return check_result(replace(verdict, scope=f"{len(files)} file{'s' * (len(files) != 1)}"))


def _judged(repository: Repository, tree: Snapshot, files: Mapping[str, SourceFile]) -> Verdict:
    """Judge files as if a change had made them, but that the baseline holds, and no other has to change.

    Waivers hold that the work tree has: one in a proposed content does where the policy lets it govern its own change.
    """
    head = Snapshot({**tree.files, **files}, tree.others - files.keys())
    every = {path: frozenset(range(1, file.read().count(b"\n") + 2)) for path, file in files.items()}
    policy, written = repository.policy, {path: file for path, file in tree.files.items() if path in files}
    had = standing_waivers(policy, written, repository.cache)
    allowed = Permission(lambda _path: policy.same_change_waivers, policy.waivers, had)
    verdict = repository.judge.change(head, Change({}, added=every), allowed)
    of_changes = {rule.info.id for rule in policy.change_rules}
    counting = [found for found in verdict.counting if found.rule not in of_changes]
    told = set(map(key_of, counting))
    # A chain of imports is known by the file that it begins with, which may be another one.
    known = tuple(entry for entry in repository.baseline() if entry.path in files or entry.key in told)
    left, covered, wrong = apply_baseline(known, counting, today())
    own = replace(verdict, counting=(*left, *wrong), known=tuple(covered))
    return replace(own, sources=lines_of(own, head))


def _source(file: FileToCheck, tree: Snapshot) -> SourceFile:
    check_inside(file.path)
    if file.content is not None:
        data = file.content.encode("utf-8", "surrogatepass")
        return SourceFile(blob_key(data), lambda: data)
    if file.path not in tree.files:
        raise Refused(
            f"{file.path}: no such file, or one that git ignores", "give its content, if it is not written yet"
        )
    return tree.files[file.path]


@answering
def policy_text(repository: Repository) -> str:
    """Return the policy as it stands in its file."""
    return checked_tree(repository).files[FILE].read().decode("utf-8-sig")


@answering
def schema_text(_repository: Repository) -> str:
    """Return the JSON schema of policies."""
    return SCHEMA.read_text("utf-8")


@answering
def architecture_text(repository: Repository) -> str:
    """Return the page on the architecture."""
    file = checked_tree(repository).files.get(ARCHITECTURE)
    if file is None:
        raise Refused(f"this repository has no {ARCHITECTURE}", "the policy tells its rules")
    return file.read().decode("utf-8", "replace")


@answering
def explanation(repository: Repository, name: str) -> str:
    """Return all that the policy says of a rule, as text."""
    return explained(repository.policy.rule(name))


@answering
def plan_text(repository: Repository, goal: str, paths: str) -> str:
    """Return how to plan a change inside the rules of the files that it is about."""
    named = [path for path in paths.replace(",", " ").split() if path]
    for path in named:
        check_inside(path)
    rules = {rule.info.id: rule for path in named for rule in rules_for(repository.policy, path)}
    chosen = rules.values() if named else repository.policy.rules
    held = "\n".join(f"- {rule.info.id}: {rule.info.message}. To keep it: {rule.info.mend.strip()}" for rule in chosen)
    about = f" in {', '.join(named)}" if named else ""
    return PLAN.format(goal=goal, about=about, rules=held or "- none: no rule is about these files")


PLAN = """Plan this change, and make it inside of the repository's rules: {goal}

Rules that hold{about}:
{rules}

1. Name the files that you are going to write or change, and ask rules_for_path of each one that is not named here.
2. Say for each file which layer it belongs to, what it imports, and why the rules allow that. Where a rule is in the
   way, change the plan, not the rule: explain_rule tells the reason and shows an example that keeps it.
3. Give check_files the content of each file before you write it; mend what it finds.
4. When all is written, call check_diff without a diff: it judges the whole change, also chains of imports through
   files that did not change. It has to say "passed".
Don't edit policy.yaml or guardrails-baseline.yaml, and add no waivers: they don't govern the change that adds them.
"""
