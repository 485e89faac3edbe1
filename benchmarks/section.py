"""What a part of the benchmarks hands over."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.figures import Figure


@dataclass(frozen=True)
class Part:
    """Figures of one subject.

    Args:
        name: of the part, as on the command line.
        figures: lines of the report, with targets.
        raw: what the figures were made from, for the JSON file.
        notes: what one has to know to read the figures.
        failed: why nothing was measured.
        files: name -> text of files that stand beside the report.
    """

    name: str
    figures: tuple[Figure, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    failed: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
