"""What a change needs: sessions, tests of them, and images, as a function of the files that changed; in doubt, all.

The rules are settings of the project:

    [tool.optimus-ops.affected]
    everything = ["pyproject.toml"]             # where one of these changes, all runs
    nothing = ["LICENSE"]                       # these need no session
    [tool.optimus-ops.affected.sessions]
    lint = {paths = ["**/*.py"]}                # runs whole where one of its paths changes
    unit = {tests = ["tests/unit/**/test_*.py"]}    # runs the tests that changed or import what changed
    e2e = {samples = {"services/**" = ["tests/e2e/test_chat.py"]}}     # runs some tests where a path changes
    [tool.optimus-ops.affected.images]
    ai-engine = ["services/ai-engine/**"]       # what an image is made of

A path with `*` matches inside a folder, with `**` through folders. A changed file that no rule knows means: all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from optimus_ops.errors import Refused
from optimus_ops.text.globs import matches

if TYPE_CHECKING:
    from collections.abc import Iterable

    from optimus_ops.ci.import_graph import ImportGraph


@dataclass(frozen=True)
class SessionRule:
    """When a session runs: whole for `paths`, some tests for `tests` and `samples`."""

    paths: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    samples: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Rules:
    """The settings of a project."""

    everything: tuple[str, ...] = ()
    nothing: tuple[str, ...] = ()
    sessions: Mapping[str, SessionRule] = field(default_factory=dict)
    images: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Affected:
    """What a change needs.

    Args:
        full: whether all sessions run.
        sessions: session -> its test files; none: the whole session.
        reasons: session or image -> why, one reason each.
    """

    full: bool
    sessions: Mapping[str, tuple[str, ...]]
    images: tuple[str, ...]
    reasons: Mapping[str, str]


def affected(changed: Iterable[str], rules: Rules, graph: ImportGraph, files: frozenset[str]) -> Affected:
    """Return what a change needs.

    Args:
        changed: paths that were added, changed, removed, or renamed (both names), relative to the checkout.
        rules: the settings.
        graph: which files import which.
        files: all files of the checkout.
    """
    names = sorted(set(changed))
    known = _patterns(rules)
    for name in names:
        if matches(name, rules.everything):
            return everything(rules, f"{name} changed")
        if not matches(name, known):
            return everything(rules, f"{name} changed, which no rule knows")
    found = {session: _session(rule, names, graph, files) for session, rule in rules.sessions.items()}
    images = {image: _first(names, paths) for image, paths in rules.images.items()}
    reasons = {session: reason for session, (reason, _) in found.items() if reason}
    return Affected(
        full=False,
        sessions={session: tests for session, (reason, tests) in found.items() if reason},
        images=tuple(image for image, name in images.items() if name),
        reasons=reasons | {image: f"{name} changed" for image, name in images.items() if name},
    )


def everything(rules: Rules, reason: str) -> Affected:
    """Return the full set."""
    return Affected(
        full=True,
        sessions=dict.fromkeys(rules.sessions, ()),
        images=tuple(rules.images),
        reasons=dict.fromkeys([*rules.sessions, *rules.images], reason),
    )


def read_rules(table: Mapping[str, Any]) -> Rules:
    """Return the rules of a settings table.

    Raises:
        Refused: it is malformed.
    """
    sessions = {
        name: SessionRule(
            _texts(rule, "paths"),
            _texts(rule, "tests"),
            {path: _texts(rule["samples"], path) for path in rule.get("samples", {})},
        )
        for name, rule in _table(table, "sessions").items()
    }
    images = _table(table, "images")
    made_of = {image: _texts(images, image) for image in images}
    return Rules(_texts(table, "everything"), _texts(table, "nothing"), sessions, made_of)


def unmatched(rules: Rules, files: Iterable[str]) -> tuple[str, ...]:
    """Return the patterns of the rules that match no file: each is an oversight."""
    names = tuple(files)
    return tuple(pattern for pattern in _patterns(rules) if not any(matches(name, (pattern,)) for name in names))


def _session(
    rule: SessionRule, names: list[str], graph: ImportGraph, files: frozenset[str]
) -> tuple[str, tuple[str, ...]]:
    """Return why a session runs ("" if it doesn't), and which of its tests (none: all)."""
    if name := _first(names, rule.paths):
        return f"{name} changed", ()
    tests = {
        name: f"{name} changed" if name == origin else f"{name} imports {origin}"
        for name, origin in sorted(graph.importers(names).items())
        if name in files and matches(name, rule.tests)
    }
    for path, samples in rule.samples.items():
        if name := _first(names, (path,)):
            for sample in samples:
                tests.setdefault(sample, f"{name} changed")
    return (next(iter(tests.values()), ""), tuple(sorted(tests)))


def _patterns(rules: Rules) -> tuple[str, ...]:
    return (
        *rules.everything,
        *rules.nothing,
        *(path for rule in rules.sessions.values() for path in (*rule.paths, *rule.tests, *rule.samples)),
        *(path for paths in rules.images.values() for path in paths),
    )


def _first(names: Iterable[str], patterns: tuple[str, ...]) -> str:
    return next((name for name in names if matches(name, patterns)), "")


def _table(table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = table.get(key, {})
    if not isinstance(found, Mapping):
        raise Refused(f"tool.optimus-ops.affected: {key} must be a table")
    return found


def _texts(table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    found = table.get(key, ())
    if not isinstance(found, list | tuple) or not all(isinstance(text, str) for text in found):
        raise Refused(f"tool.optimus-ops.affected: {key} must be a list of texts")
    return tuple(found)
