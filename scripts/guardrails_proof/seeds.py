"""Seeded violations: what a change must not do, in several spellings each, and what guardrails find of it.

A file of `seeds` is a list of kinds:

    - kind: SQL in a controller
      rule: sql-in-stores
      spellings:
        - services/ai-engine/src/ai_engine/chat.py: |     # appended, or a new file
            QUERY = "SELECT 1 FROM users"  # HERE

The line that ends with `HERE` is the one at which it has to be told. A text that begins with `REPLACE old WITH new`
changes what is there; `TIMES 300 x = 1` as the first line stands for as many of that line, `PAD 90`
for as many empty ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from optimus_ops.guardrails.judge import Judge
from optimus_ops.guardrails.sources import Change, Snapshot, SourceFile, blob_key
from optimus_ops.project.yaml_nodes import Node, parse_yaml

FOLDER = Path(__file__).with_name("seeds")
HERE = re.compile(r"HERE$", re.MULTILINE)
REPLACE = re.compile(r"REPLACE (?P<old>.+) WITH (?P<new>.+)\n?")
PAD = re.compile(r"^ *PAD (\d+)$", re.MULTILINE)
TIMES = re.compile(r"TIMES (\d+) (.*)\n")


@dataclass(frozen=True)
class Seed:
    """One spelling of a violation: what it does to files, by path."""

    kind: str
    rule: str
    number: int
    edits: Mapping[str, str]


@dataclass(frozen=True)
class Seeded:
    """A seed, the place at which it has to be told, and whether it was."""

    seed: Seed
    file: str
    line: int
    found: bool


@dataclass
class _Planted:
    texts: dict[str, str] = field(default_factory=dict)
    added: dict[str, set[int]] = field(default_factory=dict)


def read_seeds(folder: Path = FOLDER) -> tuple[Seed, ...]:
    """Return all seeds.

    Raises:
        Refused: a file has a mistake.
    """
    return tuple(
        seed
        for path in sorted(folder.glob("*.yaml"))
        for node in parse_yaml(path.read_text("utf-8"), path.name)
        for seed in _seeds(node)
    )


def _seeds(node: Node) -> Iterator[Seed]:
    row = node.known_items(("kind", "rule", "spellings"), "a kind of seeds")
    for number, spelling in enumerate(row["spellings"], 1):
        edits = {path: text.text() for path, text in spelling.items()}
        yield Seed(row["kind"].text(), row["rule"].text(), number, edits)


def judge_seeds(judge: Judge, tree: Snapshot, seeds: Iterable[Seed]) -> tuple[Seeded, ...]:
    """Return what is found of seeds: first spellings of all kinds in one change, then the second ones, and so on.

    Which files change together is asked of each seed alone, where no other one adds the file that is wanted.
    """
    of_changes = {rule.info.id for rule in judge.policy.change_rules}
    rounds: dict[str, list[Seed]] = {}
    for seed in seeds:
        alone = f"{seed.kind} " if seed.rule in of_changes else ""
        rounds.setdefault(f"{alone}{seed.number}", []).append(seed)
    return tuple(result for name in sorted(rounds) for result in _judged(judge, tree, tuple(rounds[name])))


def _judged(judge: Judge, tree: Snapshot, seeds: tuple[Seed, ...]) -> Iterator[Seeded]:
    planted = _Planted()
    places = [(seed, *_plant(tree, seed, planted)) for seed in seeds]
    head = Snapshot({**tree.files, **{path: _file(text) for path, text in planted.texts.items()}})
    base = {path: tree.files[path] for path in planted.texts if path in tree.files}
    added = {path: frozenset(lines) for path, lines in planted.added.items()}
    verdict = judge.change(head, Change(base, added=added))
    told = {(violation.rule, violation.file, violation.match.place.line) for violation in verdict.counting}
    for seed, file, line in places:
        yield Seeded(seed, file, line, (seed.rule, file, line) in told)


def _plant(tree: Snapshot, seed: Seed, planted: _Planted) -> tuple[str, int]:
    """Edit the files of a seed; return the place at which it has to be told, line 0 for a file as a whole."""
    places: list[tuple[str, int]] = []
    for path, edit in seed.edits.items():
        before = planted.texts.get(path) or (tree.files[path].read().decode() if path in tree.files else "")
        planted.texts[path], start, end = _edited(before, edit, f"{seed.kind} {seed.number}: {path}")
        lines = planted.texts[path].split("\n")
        planted.added.setdefault(path, set()).update(range(start, end + 1))
        places += [(path, number) for number in range(start, end + 1) if HERE.search(lines[number - 1])]
    return places[0] if places else (next(iter(seed.edits)), 0)


def _edited(before: str, edit: str, what: str) -> tuple[str, int, int]:
    """Return the text after an edit, and its first and last line that are new."""
    if found := REPLACE.fullmatch(edit):
        old, new = (found[side].replace("\\n", "\n") for side in ("old", "new"))
        if old not in before:
            raise LookupError(f"{what}: there is no {old!r}")
        start = before[: before.index(old)].count("\n") + 1
        return before.replace(old, new, 1), start, start + new.count("\n")
    if found := TIMES.match(edit):
        edit = f"{found[2]}\n" * int(found[1]) + edit[found.end() :]
    edit = PAD.sub(lambda pad: "\n" * (int(pad[1]) - 1), edit)
    start = before.count("\n") + 1
    return before + edit, start, start + edit.count("\n")


def _file(text: str) -> SourceFile:
    data = text.encode()
    return SourceFile(blob_key(data), lambda: data)
