"""A tick as one line for people, and decisions as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from optimus_ops.autoscale.model import Decision
from optimus_ops.autoscale.tick import Tick
from optimus_ops.reports.json_document import rounded


def tick_line(tick: Tick, clock: str) -> str:
    """Return the line: each service with its number, and why where something is to be said; `clock` is the time."""
    holds = {found.hold for found in tick.decisions}
    if len(holds) == 1 and (hold := holds.pop()):
        return f"{clock}  held: {hold}"
    return f"{clock}  {' · '.join(decision_text(found) for found in tick.decisions)}"


def decision_text(decision: Decision) -> str:
    """Return a decision in a few words."""
    changes = decision.desired != decision.current
    number = f"{decision.current} -> {decision.desired}" if changes else str(decision.current)
    remarks = ["panic"] if decision.panic else []
    if decision.hold:
        remarks.append(f"held: {decision.hold}")
    elif changes:
        remarks += decision.reasons
    if decision.clamp:
        remarks.append(f"at its bound ({decision.clamp}), {decision.needed} needed")
    if decision.shed:
        excess = ", ".join(f"{rate:.1f}/s of {tenant}" for tenant, rate in decision.shed.items())
        remarks.append(f"to be shed: {excess}")
    return f"{decision.service} {number}" + (f" ({'; '.join(remarks)})" if remarks else "")


def decision_json(decision: Decision) -> dict[str, Any]:
    """Return a decision as a JSON object."""
    document: dict[str, Any] = rounded(asdict(decision))
    return document
