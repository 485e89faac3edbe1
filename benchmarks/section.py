"""What a section of the benchmarks is made of: objectives, samples, and text."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence

from optimus_ops.reports.measurement import Measurement, Objective
from optimus_ops.reports.model import Block, Details, Paragraph
from optimus_ops.reports.spans import Span

Blocks = tuple[Block, ...]


def paragraph(text: str) -> Paragraph:
    """Return a text as a paragraph, what stands between backticks as code."""
    pieces = enumerate(re.split("`([^`]*)`", text))
    return Paragraph(tuple(Span(piece, code=True) if number % 2 else piece for number, piece in pieces))


def samples(named: Mapping[str, Sequence[float]], unit: str = "s") -> Details:
    """Return what figures were made from: on the page on demand, and in the JSON document."""
    return Details("Samples", tuple(Measurement.median(name, found, unit) for name, found in named.items()))


def objectives_of(blocks: Iterable[Block]) -> list[Objective]:
    """Return the objectives among blocks."""
    return [block for block in blocks if isinstance(block, Objective)]


def show(*lines: str) -> None:
    """Show progress."""
    print(*lines, sep="\n", file=sys.stderr, flush=True)
