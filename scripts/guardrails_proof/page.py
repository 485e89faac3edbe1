"""docs/guardrails-proof.md: what was seeded and found, and what the history holds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import groupby

from scripts.guardrails_proof.agreed import Agreed
from scripts.guardrails_proof.history import HistoricFinding
from scripts.guardrails_proof.seeds import Seeded

HEAD = """# What guardrails find, and what they leave alone

`python -m scripts.guardrails_proof` writes this page; tests hold the figures (`tests/unit/guardrails/test_proof.py`).

"""


def page(
    seeded: tuple[Seeded, ...],
    found: tuple[HistoricFinding, ...],
    agreed: tuple[Agreed, ...],
    commits: int,
    today: date,
) -> str:
    """Return the page."""
    return HEAD + "\n".join([*_seeded(seeded), "", *_history(found, agreed, commits, today)]) + "\n"


def _seeded(seeded: tuple[Seeded, ...]) -> Iterator[str]:
    kinds = [list(rows) for _, rows in groupby(sorted(seeded, key=_kind), _kind)]
    found = sum(each.found for each in seeded)
    yield "## Seeded violations"
    yield ""
    yield (
        f"{len(kinds)} kinds of violations of this repository's policy, {len(seeded)} spellings in all "
        "(`scripts/guardrails_proof/seeds`), each put into a copy of this repository and judged as a change: "
        f"**{found} of {len(seeded)} are told by the right rule at the right line** "
        f"({100 * found / len(seeded):.1f} %)."
    )
    yield ""
    yield "| kind | rule | spellings | found |"
    yield "|---|---|---:|---:|"
    for rows in kinds:
        first = rows[0].seed
        yield f"| {first.kind} | `{first.rule}` | {len(rows)} | {sum(row.found for row in rows)} |"
    if missed := [each for each in seeded if not each.found]:
        yield ""
        yield "Not found:"
        yield ""
        for each in missed:
            yield f"- {each.seed.kind}, spelling {each.seed.number} (`{each.seed.rule}`)"


def _kind(each: Seeded) -> tuple[str, str]:
    return each.seed.rule, each.seed.kind


def _history(
    found: tuple[HistoricFinding, ...], agreed: tuple[Agreed, ...], commits: int, today: date
) -> Iterator[str]:
    right = [each for each in found if any(entry.covers(each) for entry in agreed)]
    yield "## The history"
    yield ""
    yield (
        f"The last {commits} commits, each judged against its parent by the policy of {today}: "
        f"{len(found)} findings, {len(right)} of them agreed to be right, "
        f"**{len(found) - len(right)} false positives**."
    )
    if right:
        yield ""
        yield "| commit | rule | found | why it is right |"
        yield "|---|---|---:|---|"
    for entry in agreed:
        if count := sum(entry.covers(each) for each in found):
            reason = " ".join(entry.reason.split())
            yield f"| {entry.commit} | `{entry.rule}` | {count} | {reason} |"
