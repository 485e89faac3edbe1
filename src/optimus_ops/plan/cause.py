"""Causes: why a plan has a step."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

CauseKind = Literal[
    "procedure",
    "requested",
    "missing",
    "count",
    "condition",
    "sources",
    "registry",
    "image",
    "environment",
    "ports",
    "configuration",
    "secret",
    "definition",
    "dependency",
    "interrupted",
    "several",
]
"""What a decision may depend on; the wording is for people."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a step is done; `procedure` where the steps before it make it necessary."""

    text: str
    kind: CauseKind = "procedure"

    def __str__(self) -> str:
        """Return the text."""
        return self.text


def joined(causes: Iterable[Cause], prefix: str = "") -> Cause:
    """Return several causes as one, each text once."""
    texts = {cause.text: cause.kind for cause in causes}
    kinds = set(texts.values())
    return Cause(prefix + "; ".join(texts), kinds.pop() if len(kinds) == 1 else "several")
