"""Judging a repository, or a change: what only the change adds is its fault."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from optimus_ops.guardrails.baseline import Baseline, apply_baseline
from optimus_ops.guardrails.cache import ParseCache
from optimus_ops.guardrails.file_judgement import FileJudgement, imports_digest, judge_files, read_imports, violation_of
from optimus_ops.guardrails.graph import ModuleGraph, module_graph
from optimus_ops.guardrails.graph_judgement import adds_to, broken_facts, judge_graph
from optimus_ops.guardrails.model import UNJUDGED, WAIVER, Match, Verdict, Violation
from optimus_ops.guardrails.policy import FILE, Policy
from optimus_ops.guardrails.policy_waivers import PolicyWaiver
from optimus_ops.guardrails.sources import Change, Snapshot, SourceFile
from optimus_ops.guardrails.waivers import Waiver, complaint
from optimus_ops.guardrails.yaml_files import SUFFIXES, YamlFiles
from optimus_ops.guardrails.yaml_judgement import YamlJudgement, judge_yaml
from optimus_ops.reports.place import Place

KEPT, BROKEN = "changes", "graphs"
"""Changes that complete nothing, and what imports break."""


def _no_file(_: str) -> bool:
    return False


@dataclass(frozen=True)
class Permission:
    """What governs a change of all that allows something.

    Args:
        new_waivers: tells whether a waiver that the change adds to a file governs it.
        policy_waivers: those waivers of the policy that govern it.
        standing: path after -> waivers that govern it, beside those that the files before it have.
    """

    new_waivers: Callable[[str], bool] = _no_file
    policy_waivers: Collection[PolicyWaiver] = ()
    standing: Mapping[str, tuple[Waiver, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Judge:
    """What judges: the policy, what was parsed before, and the day on which waivers hold."""

    policy: Policy
    cache: ParseCache
    today: date

    def everything(self, head: Snapshot, baseline: Baseline) -> Verdict:
        """Judge all files; a waiver or an entry of the baseline that nothing needs is a violation, too."""
        judged = judge_files(self.policy, head.files, self.cache)
        documents = judge_yaml(self.policy, YamlFiles(head.files))
        found = [*_violations(judged), *documents.violations, *judge_graph(self.policy, self._module_graph(head.files))]
        waivers = {path: judgement.waivers for path, judgement in judged.items()} | dict(documents.waivers)
        counting, waived = self._waive(found, waivers, waivers, self.policy.waivers)
        counting += [*self._complaints(waivers, found), *self._about_policy_waivers(found)]
        counting, known, wrong = apply_baseline(baseline, counting, self.today)
        return Verdict(
            _ordered([*counting, *wrong]), tuple(waived), tuple(known), 0, len(judged) + len(documents.judged)
        )

    def change(self, head: Snapshot, change: Change, permission: Permission | None = None) -> Verdict:
        """Judge a change; the permission is what the base's policy says of waivers."""
        may = permission or Permission()
        changed = {path: file for path, file in head.files.items() if path in change.paths}
        now = judge_files(self.policy, changed, self.cache)
        before = judge_files(self.policy, _asked_for(change, now), self.cache)
        documents, earlier_documents = self._documents(head, change)
        told = [*_violations(now), *documents.violations]
        known = [*_violations(before), *earlier_documents.violations]
        new = _added(told, _renamed(known, change.renamed), change)
        found = [*new, *self._graph(head, change), *self._alone(change), *self._unknown(change)]
        waivers = {path: judgement.waivers for path, judgement in now.items()} | dict(documents.waivers)
        had = {path: judgement.waivers for path, judgement in before.items()} | dict(earlier_documents.waivers)
        old = {change.renamed.get(path, path): found_waivers for path, found_waivers in had.items()}
        governing = {
            path: its if may.new_waivers(path) else _kept(its, (*old.get(path, ()), *may.standing.get(path, ())))
            for path, its in waivers.items()
        }
        counting, waived = self._waive(found, waivers, governing, may.policy_waivers)
        malformed = [
            complaint(path, waiver, waiver.reason)
            for path, found_waivers in waivers.items()
            for waiver in found_waivers
            if not waiver.rule and waiver not in _kept(found_waivers, old.get(path, ()))
        ]
        there = sum(violation.file in change.paths for violation in told)
        earlier = there - sum(violation.file in change.paths for violation in new)
        return Verdict(_ordered([*counting, *malformed]), tuple(waived), (), earlier, len(now) + len(documents.judged))

    def _documents(self, head: Snapshot, change: Change) -> tuple[YamlJudgement, YamlJudgement]:
        """Return what YAML files break after a change and before it; nothing where none changed."""
        if not any(path.endswith(SUFFIXES) for path in change.paths):
            return YamlJudgement(), YamlJudgement()
        files = YamlFiles(head.files)
        now = judge_yaml(self.policy, files, change.paths)
        if not now.violations and not any(now.waivers.values()):
            return now, YamlJudgement()
        unchanged = {path: file for path, file in head.files.items() if path not in change.paths}
        before = YamlFiles({**unchanged, **change.base}, files.parsed)
        return now, judge_yaml(self.policy, before, change.paths)

    def _graph(self, head: Snapshot, change: Change) -> list[Violation]:
        """Return the chains of imports that the change completes."""
        this = self._key(head, change)
        if self.cache.has(KEPT, this) or not self._imports_more(head, change):
            return []
        unchanged = {path: file for path, file in head.files.items() if path not in change.paths}
        before = {**unchanged, **change.base}
        found = self._broken(head.files)
        # Names of modules that were renamed are told apart by the graph alone.
        if not found or (not change.renamed and not adds_to(self._broken(before), found)):
            self.cache.get(KEPT, this, lambda: True)
            return []
        return judge_graph(self.policy, self._module_graph(head.files), lambda: self._module_graph(before, change))

    def _broken(self, files: Mapping[str, SourceFile]) -> list[tuple[str, str, bool]]:
        """Return what imports break; where each of them stands changes all the time, which there are seldom."""
        key = f"{self.policy.digest[:16]} {imports_digest(self.policy, files, self.cache)[:32]}"
        broken: list[tuple[str, str, bool]] = self.cache.get(
            BROKEN, key, lambda: broken_facts(self.policy, self._module_graph(files))
        )
        return broken

    def _module_graph(self, files: Mapping[str, SourceFile], change: Change | None = None) -> ModuleGraph:
        renamed = change.renamed if change is not None else None
        return module_graph(read_imports(self.policy, files, self.cache), self.policy.roots, renamed)

    def _key(self, head: Snapshot, change: Change) -> str:
        """Return what is the same for the same change to the same contents, by the same policy."""
        contents = [
            f"{path}\0{file.key}"
            for files in (head.files, change.base)
            for path, file in files.items()
            if path.endswith(".py")
        ]
        facts = [*contents, *(f"{old}\0{new}" for old, new in change.renamed.items()), "\0".join(sorted(change.paths))]
        found = hashlib.sha256("\n".join(facts).encode("utf-8", "surrogateescape")).hexdigest()
        return f"{self.policy.digest[:16]} {found[:32]}"

    def _imports_more(self, head: Snapshot, change: Change) -> bool:
        """Tell whether a change adds an import or changes which modules there are; else it completes no chain."""
        changed = {path: head.files[path] for path in change.paths & head.files.keys()}
        after, before = (read_imports(self.policy, files, self.cache) for files in (changed, change.base))
        if after.keys() != before.keys():
            return True
        names = {path: {(each.module, each.name, each.typing) for each in found} for path, found in before.items()}
        return any((each.module, each.name, each.typing) not in names[path] for path in after for each in after[path])

    def _alone(self, change: Change) -> list[Violation]:
        """Return the files that changed without those that have to change with them."""
        return [
            violation_of(rule.info, match)
            for rule in self.policy.change_rules
            for match in rule.unaccompanied(change.paths)
        ]

    def _unknown(self, change: Change) -> list[Violation]:
        """Return the files whose content is not at hand, of those that are judged."""
        return [
            Violation(UNJUDGED, "error", "not judged", Match(Place(path), 0, "content", why))
            for path, why in change.unknown.items()
            if self.policy.judges(path) or not path.endswith(SUFFIXES) or path == FILE
        ]

    def _waive(
        self,
        found: Iterable[Violation],
        waivers: Mapping[str, tuple[Waiver, ...]],
        governing: Mapping[str, tuple[Waiver, ...]],
        of_policy: Collection[PolicyWaiver],
    ) -> tuple[list[Violation], list[Violation]]:
        """Return the violations that count, and those that a waiver covers."""
        counting: list[Violation] = []
        waived: list[Violation] = []
        for violation in found:
            covering: list[Waiver | PolicyWaiver] = [
                each for each in waivers.get(violation.file, ()) if each.rule and each.covers(violation)
            ]
            covering += [each for each in self.policy.waivers if each.covers(violation)]
            standing = (*governing.get(violation.file, ()), *of_policy)
            if any(each in standing and not each.expired(self.today) for each in covering):
                waived.append(violation)
                continue
            notes = tuple(
                f"its waiver expired on {each.until}"
                if each.expired(self.today)
                else "a waiver does not govern the change that adds it"
                for each in covering
            )
            counting.append(replace(violation, notes=notes))
        return counting, waived

    def _complaints(
        self,
        waivers: Mapping[str, tuple[Waiver, ...]],
        found: Iterable[Violation],
    ) -> list[Violation]:
        by_file: dict[str, list[Violation]] = {}
        for violation in found:
            by_file.setdefault(violation.file, []).append(violation)
        wrong: list[Violation] = []
        for path, waiver in ((path, waiver) for path, several in waivers.items() for waiver in several):
            if not waiver.rule:
                wrong.append(complaint(path, waiver, waiver.reason))
            elif waiver.rule not in self.policy.by_id:
                wrong.append(complaint(path, waiver, f"no rule {waiver.rule}", "take the waiver out"))
            elif not any(waiver.covers(violation) for violation in by_file.get(path, ())):
                wrong.append(complaint(path, waiver, f"nothing needs the waiver of {waiver.rule}", "take it out"))
        return wrong

    def _about_policy_waivers(self, found: Collection[Violation]) -> Iterator[Violation]:
        """Give the waivers of the policy that nothing needs; what an expired one hid is told by itself."""
        for waiver in self.policy.waivers:
            if not any(waiver.covers(violation) for violation in found):
                match = Match(waiver.place, 0, f"{waiver.rule} {' '.join(waiver.files)}")
                yield Violation(WAIVER, "error", f"nothing needs the waiver of {waiver.rule}", match, "take it out")


def standing_waivers(
    policy: Policy, files: Mapping[str, SourceFile], cache: ParseCache
) -> dict[str, tuple[Waiver, ...]]:
    """Return path -> the waivers of files."""
    documents = judge_yaml(policy, YamlFiles(files))
    in_python = {path: judgement.waivers for path, judgement in judge_files(policy, files, cache).items()}
    return in_python | dict(documents.waivers)


def _asked_for(change: Change, now: Mapping[str, FileJudgement]) -> dict[str, SourceFile]:
    """Return the files before the change that matter: of those with nothing to say now, nothing is asked."""
    telling = {path for path, judgement in now.items() if judgement.violations or judgement.waivers}
    return {path: file for path, file in change.base.items() if change.renamed.get(path, path) in telling}


def _violations(judged: Mapping[str, FileJudgement]) -> list[Violation]:
    return [violation for judgement in judged.values() for violation in judgement.violations]


def _renamed(violations: Iterable[Violation], renamed: Mapping[str, str]) -> list[tuple[str, str, str]]:
    return [(rule, renamed.get(path, path), text) for rule, path, text in (each.key for each in violations)]


def _added(now: Iterable[Violation], before: Iterable[tuple[str, str, str]], change: Change) -> list[Violation]:
    """Return the violations that the base did not have: of several alike, those on added lines."""
    left = Counter(before)
    found = sorted(now, key=lambda each: each.match.place.line in change.added.get(each.file, ()))
    new: list[Violation] = []
    for violation in found:
        if left[violation.key] > 0:
            left[violation.key] -= 1
        else:
            new.append(violation)
    return new


def _kept(waivers: Iterable[Waiver], old: Iterable[Waiver]) -> tuple[Waiver, ...]:
    """Return the waivers that the base had as well, at the same code, wherever their lines moved."""
    left = Counter((each.rule, each.until, each.reason, each.code) for each in old)
    kept: list[Waiver] = []
    for waiver in waivers:
        key = (waiver.rule, waiver.until, waiver.reason, waiver.code)
        if left[key] > 0:
            left[key] -= 1
            kept.append(waiver)
    return tuple(kept)


def _ordered(violations: Iterable[Violation]) -> tuple[Violation, ...]:
    return tuple(
        sorted(violations, key=lambda each: (each.file, each.match.place.line, each.match.place.column, each.rule))
    )
