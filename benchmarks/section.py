"""The result of one section of the benchmarks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from optimus_ops.reports.measurement import Objective
from optimus_ops.reports.model import Block, Paragraph
from optimus_ops.reports.spans import Span


@dataclass(frozen=True)
class BenchmarkSection:
    """Figures of one subject.

    Args:
        name: as on the command line.
        objectives: the figures, each with its bound.
        raw: what the figures were made from, for the JSON file.
        blocks: tables, pictures, and what one has to know to read the figures.
        failed: why nothing was measured.
    """

    name: str
    objectives: tuple[Objective, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict)
    blocks: tuple[Block, ...] = ()
    failed: str = ""


def paragraph(text: str) -> Paragraph:
    """Return a text as a paragraph, what stands between backticks as code."""
    pieces = enumerate(re.split("`([^`]*)`", text))
    return Paragraph(tuple(Span(piece, code=True) if number % 2 else piece for number, piece in pieces))
