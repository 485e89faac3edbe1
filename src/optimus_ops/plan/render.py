"""A plan as text and as JSON: what is printed is what runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optimus_ops.plan.step import Plan


# A cause stands behind its step where both fit into a line of a usual terminal, else on a line below.
WIDEST_TEXT = 44
WIDEST_LINE = 100
INDENT = " " * 6


def plan_text(plan: Plan) -> str:
    """Return a plan as a tree: numbered steps, and behind or below each why; those of a part under its name.

    Notes come last.
    """
    notes = [f"  ! {note}".replace("\n", f"\n{INDENT}") for note in plan.notes]
    if not plan:
        done = "nothing to do here, but:" if notes else "nothing to do"
        return "\n".join([f"{plan.project}: {plan.purpose}: {done}", *notes])
    width = min(max(len(step.text) for step in plan.steps), WIDEST_TEXT)
    lines = [f"{plan.project}: {plan.purpose}"]
    part = ""
    for number, step in enumerate(plan.steps, start=1):
        if step.part and step.part != part:
            lines.append(f"  {step.part}")
        part = step.part
        last = number == len(plan.steps) or plan.steps[number].part != part
        branch = ("  └─" if last else "  ├─") if part else ""
        lines.append(_line(f"{branch}  {number:>2}. {step.text:<{width - len(branch)}}", step.cause.text))
    return "\n".join([*lines, *notes])


def _line(text: str, cause: str) -> str:
    joined = f"{text}  ({cause})"
    return joined if len(joined) <= WIDEST_LINE else f"{text.rstrip()}\n{INDENT}({cause})"


def plan_json(plan: Plan) -> dict[str, Any]:
    """Return a plan as a JSON object."""
    steps = [step.as_json() for step in plan.steps]
    return {"project": plan.project, "purpose": plan.purpose, "steps": steps, "notes": list(plan.notes)}
