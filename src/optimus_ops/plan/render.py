"""A plan as text and as JSON: what is printed is what runs."""

from __future__ import annotations

from typing import Any

from optimus_ops.plan.cause import Cause
from optimus_ops.plan.step import Plan

# A cause is printed behind its step where both fit into a line of a usual terminal, else on a line below.
WIDEST_TEXT = 44
WIDEST_LINE = 100
INDENT = " " * 6


def plan_text(plan: Plan) -> str:
    """Return a plan as a tree: numbered steps with their causes, those of a batch under its name, notes last."""
    notes = [f"  ! {note}".replace("\n", f"\n{INDENT}") for note in plan.notes]
    if not plan:
        nothing = "nothing to do here, but:" if notes else "nothing to do"
        return "\n".join([f"{plan.project}: {plan.purpose}: {nothing}", *notes])
    width = min(max(len(step.text) for step in plan.steps), WIDEST_TEXT)
    lines = [f"{plan.project}: {plan.purpose}"]
    batch = ""
    for number, step in enumerate(plan.steps, start=1):
        if step.batch and step.batch != batch:
            lines.append(f"  {step.batch}")
        batch = step.batch
        last = number == len(plan.steps) or plan.steps[number].batch != batch
        branch = ("  └─" if last else "  ├─") if batch else ""
        lines.append(_line(f"{branch}  {number:>2}. {step.text:<{width - len(branch)}}", step.cause))
    return "\n".join([*lines, *notes])


def _line(text: str, cause: Cause) -> str:
    joined = f"{text}  ({cause})"
    return joined if len(joined) <= WIDEST_LINE else f"{text.rstrip()}\n{INDENT}({cause})"


def plan_json(plan: Plan) -> dict[str, Any]:
    """Return a plan as a JSON object."""
    steps = [step.as_json() for step in plan.steps]
    return {"project": plan.project, "purpose": plan.purpose, "steps": steps, "notes": list(plan.notes)}
