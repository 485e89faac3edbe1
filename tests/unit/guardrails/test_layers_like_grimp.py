"""Layers are judged as grimp, and so import-linter, judges them, whatever imports what."""

from __future__ import annotations

import grimp
from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.guardrails.graph import Chain, ModuleGraph, module_graph
from optimus_ops.guardrails.imports import imports_of
from optimus_ops.guardrails.modules import SourceRoots
from optimus_ops.guardrails.policy import parse_policy
from optimus_ops.guardrails.python_source import parse_python
from optimus_ops.guardrails.rules.cycles import AcyclicSiblings

MODULES = ("p.a.x", "p.a.y", "p.b.x", "p.b.y", "p.c.x", "p.d.x", "p.other.x", "p.other.y", "q")
PACKAGES = ("p", "p.a", "p.b", "p.c", "p.d", "p.other")
IMPORTS = st.lists(st.tuples(st.sampled_from(MODULES), st.sampled_from(MODULES)), max_size=9)
POLICY = parse_policy("""
version: 1
sources: [.]
rules:
  - {id: layers, kind: layers, container: p, layers: [a, b | c, d], message: m, why: w, mend: m}
  - {id: circles, kind: acyclic-siblings, ancestors: p, message: m, why: w, mend: m}
  - {id: apart, kind: independence, modules: [p.a, p.d], message: m, why: w, mend: m}
""")


@given(IMPORTS)
def test_layers_are_broken_between_the_same_packages(imports: list[tuple[str, str]]) -> None:
    layers = grimp.Layer
    illegal = grimp_graph(imports).find_illegal_dependencies_for_layers(
        [layers("a"), layers("b", "c", independent=True), layers("d")], containers={"p"}
    )
    assert pairs("layers", imports) == {(found.importer, found.imported) for found in illegal}


@given(IMPORTS)
def test_independence_is_broken_where_a_chain_leads_from_one_to_the_other(imports: list[tuple[str, str]]) -> None:
    graph = grimp_graph(imports)
    both = [("p.a", "p.d"), ("p.d", "p.a")]
    assert pairs("apart", imports) == {
        (importer, imported)
        for importer, imported in both
        if graph.find_shortest_chains(importer, imported, as_packages=True)
    }


@given(IMPORTS)
def test_a_circle_of_siblings_is_one_where_imports_have_to_go_to_open_it(imports: list[tuple[str, str]]) -> None:
    graph = grimp_graph(imports)
    circles = {tuple(sorted({name.rpartition(".")[0] for name in each})) for each in siblings_in_circles(imports)}
    assert {package for (package,) in circles} == {
        package for package in PACKAGES if graph.nominate_cycle_breakers(package)
    }


def siblings_in_circles(imports: list[tuple[str, str]]) -> list[tuple[str, ...]]:
    rule = next(each for each in POLICY.graph_rules if isinstance(each, AcyclicSiblings))
    return [found.siblings for found in rule.broken(own_graph(imports))]


def pairs(rule: str, imports: list[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return the pairs of packages between which a rule is broken."""
    broken = next(each for each in POLICY.graph_rules if each.info.id == rule).broken(own_graph(imports))
    ends = [chain.ends for chain in broken if isinstance(chain, Chain)]
    return {(importer[:3], imported[:3]) for importer, imported in ends}


def own_graph(imports: list[tuple[str, str]]) -> ModuleGraph:
    texts = {f"{module.replace('.', '/')}.py": "" for module in MODULES}
    texts |= {f"{package.replace('.', '/')}/__init__.py": "" for package in PACKAGES}
    for importer, imported in imports:
        texts[f"{importer.replace('.', '/')}.py"] += f"import {imported}\n"
    found = {path: imports_of(parse_python(text.encode())) for path, text in texts.items()}
    return module_graph(found, SourceRoots((".",)))


def grimp_graph(imports: list[tuple[str, str]]) -> grimp.ImportGraph:
    graph = grimp.ImportGraph()
    for module in (*MODULES, *PACKAGES):
        graph.add_module(module)
    for importer, imported in imports:
        if importer != imported:
            graph.add_import(importer=importer, imported=imported)
    return graph
