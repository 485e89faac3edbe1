"""One file judged by the rules that judge files, with its waivers: plain values, which the cache keeps."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass
from functools import partial
from typing import Any

from optimus_ops.guardrails.cache import ParseCache
from optimus_ops.guardrails.facts import Facts, facts_of
from optimus_ops.guardrails.imports import ImportedName, imports_in
from optimus_ops.guardrails.model import SYNTAX, UNJUDGED, Match, RuleInfo, Violation
from optimus_ops.guardrails.policy import Policy
from optimus_ops.guardrails.python_source import MOST_BYTES, PythonSource, Unparsable, decoded, parse_python
from optimus_ops.guardrails.rules.kind import Rule
from optimus_ops.guardrails.sources import SourceFile
from optimus_ops.guardrails.waivers import Waiver, waivers_of
from optimus_ops.reports.place import Place

IMPORTS, SHAPES, FINDINGS = "imports", "shapes", "findings"


@dataclass(frozen=True)
class FileJudgement:
    """What a file breaks, and what it waives."""

    violations: tuple[Violation, ...]
    waivers: tuple[Waiver, ...] = ()


def judge_files(policy: Policy, files: Mapping[str, SourceFile], cache: ParseCache) -> dict[str, FileJudgement]:
    """Return path -> judgement of the files that the policy judges."""
    return {path: _judged(policy, path, file, cache) for path, file in files.items() if policy.judges_python(path)}


def read_imports(policy: Policy, files: Mapping[str, SourceFile], cache: ParseCache) -> dict[str, list[ImportedName]]:
    """Return path -> what it imports, of the files that are modules; nothing of those whose imports can't be parsed."""
    found: dict[str, list[ImportedName]] = {}
    for path, file in _modules(policy, files):
        found[path] = cache.formed(IMPORTS, file.key, partial(_imports, file), _names)
    return found


def imports_digest(policy: Policy, files: Mapping[str, SourceFile], cache: ParseCache) -> str:
    """Return what is the same for the same modules with the same imports, wherever in the files these stand."""
    shapes = [
        f"{path}\0{cache.get(SHAPES, file.key, partial(_shape, file, cache))}" for path, file in _modules(policy, files)
    ]
    return hashlib.sha256("\n".join(sorted(shapes)).encode("utf-8", "surrogateescape")).hexdigest()


def _shape(file: SourceFile, cache: ParseCache) -> str:
    """Return what is the same for the same imports."""
    found = cache.formed(IMPORTS, file.key, partial(_imports, file), _names)
    names = repr([(each.module, each.name, each.typing) for each in found])
    return hashlib.sha256(names.encode()).hexdigest()[:32]


def _modules(policy: Policy, files: Mapping[str, SourceFile]) -> Iterator[tuple[str, SourceFile]]:
    return ((path, file) for path, file in files.items() if policy.roots.module(path) and policy.judges_python(path))


def _names(rows: list[list[Any]]) -> list[ImportedName]:
    return list(map(ImportedName._make, rows))


def _imports(file: SourceFile) -> list[list[Any]]:
    data = file.read()
    if len(data) > MOST_BYTES:
        return []
    try:
        return [list(found) for found in imports_in(data)]
    except (Unparsable, RecursionError):
        return []


def _judged(policy: Policy, path: str, file: SourceFile, cache: ParseCache) -> FileJudgement:
    rows = cache.get(FINDINGS, f"{policy.digest[:16]} {path} {file.key}", lambda: _rows(policy, path, file))
    violations = [_violation(path, row, policy.by_id) for row in rows["matches"]]
    return FileJudgement(tuple(violations), tuple(Waiver(*row) for row in rows["waivers"]))


def _violation(path: str, row: list[Any], rules: Mapping[str, Rule]) -> Violation:
    rule, line, column, end, text, detail = row
    match = Match(Place(path, line, column), end, text, detail)
    if rule in rules:
        return violation_of(rules[rule].info, match)
    return Violation(rule, "error", "not judged", match)


def violation_of(info: RuleInfo, match: Match) -> Violation:
    """Return a violation of a rule."""
    return Violation(info.id, info.level, info.message, match, info.mend)


def _rows(policy: Policy, path: str, file: SourceFile) -> dict[str, list[Any]]:
    data = file.read()
    if len(data) > MOST_BYTES:
        return {"matches": [[UNJUDGED, 0, 0, 0, "size", f"{len(data):,} bytes, at most {MOST_BYTES:,}"]], "waivers": []}
    try:
        source = parse_python(data)
        return {"matches": list(_matches(policy, path, source)), "waivers": _waivers(data)}
    except Unparsable as error:
        return {"matches": [[SYNTAX, error.line, 0, 0, "syntax", error.reason]], "waivers": []}
    except RecursionError:
        return {"matches": [[UNJUDGED, 0, 0, 0, "depth", "nested too deeply"]], "waivers": []}


def _matches(policy: Policy, path: str, source: PythonSource) -> Iterator[list[Any]]:
    rules = [rule for rule in policy.file_rules if rule.scope.holds(path)]
    facts = facts_of(source) if rules else Facts(source)
    return (_row(rule.info.id, match) for rule in rules for match in rule.matches(path, facts))


def _waivers(data: bytes) -> list[list[Any]]:
    return [list(astuple(found)) for found in waivers_of(decoded(data))]


def _row(rule: str, match: Match) -> list[Any]:
    return [rule, match.place.line, match.place.column, match.end, match.text, match.detail]
