"""Imports judged by the rules that judge the graph; of a change only the chains that it completes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from optimus_ops.guardrails.file_judgement import violation_of
from optimus_ops.guardrails.graph import Chain, Edge, ModuleGraph
from optimus_ops.guardrails.model import Match, Violation
from optimus_ops.guardrails.policy import Policy
from optimus_ops.guardrails.rules.kind import GraphRule
from optimus_ops.reports.place import Place


def judge_graph(policy: Policy, graph: ModuleGraph, base: Callable[[], ModuleGraph] | None = None) -> list[Violation]:
    """Return what breaks rules; with a base, what does so only now, at an import that is new.

    The base is made where something is broken alone.
    """
    broken = {rule.info.id: tuple(rule.broken(graph.seen_by(rule))) for rule in policy.graph_rules}
    before = base() if base is not None and any(broken.values()) else None
    return [
        violation_of(rule.info, match)
        for rule in policy.graph_rules
        for match in _matches(rule, broken[rule.info.id], before.seen_by(rule) if before is not None else None)
    ]


def broken_facts(policy: Policy, graph: ModuleGraph) -> list[tuple[str, str, bool]]:
    """Return what breaks rules, wherever it stands: rule, what tells it from others, and whether it is one import."""
    return [
        (rule.info.id, _text(found), isinstance(found, Chain) and len(found.edges) == 1)
        for rule in policy.graph_rules
        for found in rule.broken(graph.seen_by(rule))
    ]


def adds_to(known: Iterable[tuple[str, str, bool]], found: Iterable[tuple[str, str, bool]]) -> bool:
    """Tell whether a graph breaks something that another one doesn't, or breaks by one import what took several."""
    facts = {tuple(fact) for fact in known}
    there = facts | {(rule, text, False) for rule, text, _ in facts}
    return not there.issuperset(map(tuple, found))


def _matches(rule: GraphRule, broken: Iterable[Chain | Match], base: ModuleGraph | None) -> Iterator[Match]:
    known = {_key(found) for found in rule.broken(base)} if base is not None and broken else set()
    for found in broken:
        if _key(found) in known and not _is_direct(found, base):
            continue
        if isinstance(found, Match):
            yield found
        else:
            # A chain that the base did not have has an import that the base did not have.
            new = (edge for edge in found.edges if base is not None and not base.has(edge))
            yield _match(found, next(new, found.edges[0]))


def _is_direct(found: Chain | Match, base: ModuleGraph | None) -> bool:
    """Tell whether a chain is one import alone, which the base did not have, whatever it reached in another way."""
    return isinstance(found, Chain) and len(found.edges) == 1 and base is not None and not base.has(found.edges[0])


def _key(found: Chain | Match) -> object:
    return found.ends if isinstance(found, Chain) else found.text


def _text(found: Chain | Match) -> str:
    return " → ".join(found.ends) if isinstance(found, Chain) else found.text


def _match(chain: Chain, edge: Edge) -> Match:
    place = Place(edge.file, edge.at.line, edge.at.column)
    return Match(place, edge.at.end, " → ".join(chain.ends), str(chain), chain.edges[0].file)
