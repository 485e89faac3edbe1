"""Findings in the history that are right, each with its reason: `agreed.yaml`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from scripts.guardrails_proof.history import HistoricFinding

from optimus_ops.project.yaml_nodes import parse_yaml

FILE = Path(__file__).with_name("agreed.yaml")
KEYS = ("commit", "rule", "files", "reason")


@dataclass(frozen=True)
class Agreed:
    """What was found in a commit, and why that is right."""

    commit: str
    rule: str
    files: tuple[str, ...]
    reason: str

    def covers(self, found: HistoricFinding) -> bool:
        """Tell whether a finding is meant."""
        subject, rule, file = found.key
        return (subject, rule) == (self.commit, self.rule) and file in self.files


def read_agreed(path: Path = FILE) -> tuple[Agreed, ...]:
    """Return the agreed findings.

    Raises:
        Refused: the file has a mistake.
    """
    root = parse_yaml(path.read_text("utf-8"), path.name)
    rows = (node.known_items(KEYS, "an agreed finding") for node in root)
    return tuple(
        Agreed(
            row["commit"].text(),
            row["rule"].text(),
            tuple(file.text() for file in row["files"]),
            row["reason"].text(),
        )
        for row in rows
    )


def false_positives(found: Iterable[HistoricFinding], agreed: tuple[Agreed, ...]) -> list[HistoricFinding]:
    """Return the findings that nobody agreed to."""
    return [each for each in found if not any(entry.covers(each) for entry in agreed)]
