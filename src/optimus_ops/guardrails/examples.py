"""Rules tried on their own examples: `invoke guardrails.test`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from optimus_ops.checks.model import Check
from optimus_ops.guardrails.cache import ParseCache
from optimus_ops.guardrails.file_judgement import judge_files, read_imports
from optimus_ops.guardrails.graph import module_graph
from optimus_ops.guardrails.graph_judgement import judge_graph
from optimus_ops.guardrails.model import SYNTAX
from optimus_ops.guardrails.policy import Policy
from optimus_ops.guardrails.rules.kind import Rule
from optimus_ops.guardrails.sources import in_memory
from optimus_ops.guardrails.yaml_files import YamlFiles
from optimus_ops.guardrails.yaml_judgement import judge_yaml


def try_examples(policy: Policy) -> Iterator[Check]:
    """Give a check for each rule: its bad examples break it, its good ones don't."""
    for rule in policy.rules:
        wrong = [*_wrong(policy, rule, rule.info.good, breaks=False), *_wrong(policy, rule, rule.info.bad, breaks=True)]
        if not rule.info.good or not rule.info.bad:
            wrong.append("a good and a bad example are wanted")
        count = f"{len(rule.info.good)} good, {len(rule.info.bad)} bad"
        found = "; ".join(wrong) or count
        yield Check(rule.info.id, "examples", "failed" if wrong else "ok", found, str(rule.info.place) if wrong else "")


def _wrong(policy: Policy, rule: Rule, examples: tuple[Mapping[str, str], ...], *, breaks: bool) -> Iterator[str]:
    for number, example in enumerate(examples, 1):
        name = f"{'bad' if breaks else 'good'} example {number}"
        broken = set(rules_broken(policy, example))
        if SYNTAX in broken:
            yield f"{name} can't be parsed"
        elif (rule.info.id in broken) != breaks:
            yield f"{name} {'breaks it' if not breaks else 'does not break it'}"


def rules_broken(policy: Policy, example: Mapping[str, str]) -> Iterator[str]:
    """Give the rules that files break, taken as a repository of their own and as what changed."""
    snapshot, cache = in_memory(example), ParseCache()
    for judgement in judge_files(policy, snapshot.files, cache).values():
        yield from (violation.rule for violation in judgement.violations)
    yield from (found.rule for found in judge_yaml(policy, YamlFiles(snapshot.files)).violations)
    graph = module_graph(read_imports(policy, snapshot.files, cache), policy.roots)
    yield from (violation.rule for violation in judge_graph(policy, graph))
    yield from (rule.info.id for rule in policy.change_rules if any(rule.unaccompanied(example)))
