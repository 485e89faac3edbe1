"""YAML files judged by the rules that judge them, with their waivers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from optimus_ops.guardrails.file_judgement import violation_of
from optimus_ops.guardrails.model import SYNTAX, Match, Violation
from optimus_ops.guardrails.policy import Policy
from optimus_ops.guardrails.rules.kind import YamlRule
from optimus_ops.guardrails.waivers import Waiver, waivers_of_yaml
from optimus_ops.guardrails.yaml_files import YamlFiles
from optimus_ops.project.yaml_nodes import YamlError


@dataclass(frozen=True)
class YamlJudgement:
    """What files break, which were judged, and what they waive: path -> waivers."""

    violations: tuple[Violation, ...] = ()
    judged: frozenset[str] = frozenset()
    waivers: Mapping[str, tuple[Waiver, ...]] = field(default_factory=dict)


def judge_yaml(policy: Policy, files: YamlFiles, changed: Collection[str] | None = None) -> YamlJudgement:
    """Return the judgement of all files, or of those that a change may have made break a rule."""
    violations: list[Violation] = []
    unusable: dict[str, YamlError] = {}
    judged: set[str] = set()
    scopes = {rule.info.id: [path for path in files.files if policy.holds(rule, path)] for rule in policy.yaml_rules}
    for rule in policy.yaml_rules:
        paths = scopes[rule.info.id]
        if rule.alone and changed is not None:
            paths = [path for path in paths if path in changed]
        judged.update(paths)
        for path in paths:
            violations += _of_file(rule, path, files, unusable)
    violations += [_syntax(error) for path, error in unusable.items()]
    told = {violation.file for violation in violations}
    waivers = {path: waivers_of_yaml(files.text(path)) for path in sorted(judged | (told & files.files.keys()))}
    return YamlJudgement(tuple(dict.fromkeys(violations)), frozenset(judged), waivers)


def _of_file(rule: YamlRule, path: str, files: YamlFiles, unusable: dict[str, YamlError]) -> Iterator[Violation]:
    try:
        yield from (violation_of(rule.info, match) for match in rule.found_in(path, files))
    except YamlError as error:
        unusable.setdefault(error.place.file, error)


def _syntax(error: YamlError) -> Violation:
    reason = str(error).removeprefix(f"{error.place}: ")
    return Violation(SYNTAX, "error", "not judged", Match(error.place, 0, "syntax", reason))
