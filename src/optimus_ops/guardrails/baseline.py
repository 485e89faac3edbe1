"""Known violations of a repository that adopts rules: each with its owner and its last day.

entries:
  - rule: sql-in-stores
    path: services/a/src/a/chat.py
    text: SELECT * FROM users
    owner: platform
    expires: 2027-06-30
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import yaml

from optimus_ops.guardrails.model import BASELINE, Match, Violation
from optimus_ops.guardrails.rules.fields import filled
from optimus_ops.project.yaml_nodes import Node, parse_yaml
from optimus_ops.reports.place import Place

FILE = "guardrails-baseline.yaml"
KEYS = ("rule", "path", "text", "owner", "expires")
HEAD = "# Known violations: `invoke guardrails.baseline` writes them. Each has an owner, and a last day.\n"


@dataclass(frozen=True)
class Entry:
    """A violation that is known, whose it is to mend, and until when."""

    rule: str
    path: str
    text: str
    owner: str
    expires: date
    place: Place

    @property
    def key(self) -> tuple[str, str, str]:
        """The violation that is meant."""
        return self.rule, self.path, self.text


Baseline = tuple[Entry, ...]


def parse_baseline(text: str, file: str = FILE) -> Baseline:
    """Return the entries of a baseline.

    Raises:
        Refused: something is wrong in it, with its place.
    """
    root = parse_yaml(text, file)
    if root.value is None:
        return ()
    keys = root.known_items(("entries",), "a baseline")
    return tuple(_entry(node) for node in keys["entries"]) if "entries" in keys else ()


def _entry(node: Node) -> Entry:
    keys = node.known_items(KEYS, "an entry")
    for name in KEYS:
        if name not in keys:
            raise node.error(f"an entry needs the key {name!r}")
    try:
        expires = date.fromisoformat(keys["expires"].text())
    except ValueError:
        raise keys["expires"].error("a date is expected here, as 2027-06-30") from None
    rule, path, owner = (filled(keys[name]) for name in ("rule", "path", "owner"))
    return Entry(rule, path, keys["text"].text(), owner, expires, node.place)


def apply_baseline(
    baseline: Baseline, found: Iterable[Violation], today: date
) -> tuple[list[Violation], list[Violation], list[Violation]]:
    """Return the violations that count, those that are known, and what is wrong with entries."""
    left = Counter(entry.key for entry in baseline if entry.expires >= today)
    counting: list[Violation] = []
    known: list[Violation] = []
    every = list(found)
    keys = Counter(map(key_of, every))
    for violation in every:
        if left[key_of(violation)] > 0:
            left[key_of(violation)] -= 1
            known.append(violation)
        else:
            counting.append(violation)
    wrong: list[Violation] = []
    for entry in baseline:
        if keys[entry.key] > 0:
            keys[entry.key] -= 1
            if entry.expires < today:
                wrong.append(_complaint(entry, f"expired on {entry.expires} ({entry.owner})", "mend the violation"))
        else:
            wrong.append(_complaint(entry, "nothing needs it any more", "take it out: invoke guardrails.baseline"))
    return counting, known, wrong


def baseline_text(violations: Iterable[Violation], owner: str, expires: date, kept: Baseline = ()) -> str:
    """Return the file for violations; those that it had keep their owner and their last day."""
    earlier = {entry.key: entry for entry in kept}
    rows = []
    for violation in violations:
        rule, path, text = key = key_of(violation)
        entry = earlier.get(key)
        whose, until = (entry.owner, entry.expires) if entry else (owner, expires)
        rows.append({"rule": rule, "path": path, "text": text, "owner": whose, "expires": until})
    return HEAD + yaml.dump({"entries": rows}, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=120)


class _Plain(yaml.SafeDumper):
    """Writes a value in full wherever it stands: people read the file, and edit one entry at a time."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - as the base has it
        return True


def key_of(violation: Violation) -> tuple[str, str, str]:
    """Return what tells a violation in the file, which can't hold a name that is not UTF-8."""
    rule, path, text = violation.key
    return rule, path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"), text


def _complaint(entry: Entry, told: str, hint: str) -> Violation:
    match = Match(entry.place, 0, f"{entry.rule} {entry.path} {entry.text}", f"{entry.rule} in {entry.path} {told}")
    return Violation(BASELINE, "error", "baseline", match, hint)
