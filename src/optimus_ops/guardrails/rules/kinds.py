"""All kinds of rules, by their names in the policy."""

from __future__ import annotations

from collections.abc import Mapping

from optimus_ops.guardrails.rules import (
    compose,
    cycles,
    imports,
    layers,
    pattern,
    size,
    texts,
    together,
    uses,
    workflow,
)
from optimus_ops.guardrails.rules.kind import Kind

KINDS: Mapping[str, Kind] = {
    **layers.KINDS,
    **imports.KINDS,
    **cycles.KINDS,
    **uses.KINDS,
    **texts.KINDS,
    **pattern.KINDS,
    **together.KINDS,
    **size.KINDS,
    **compose.KINDS,
    **workflow.KINDS,
}
