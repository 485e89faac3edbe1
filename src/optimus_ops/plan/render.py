"""A plan as text and as JSON: what is printed is what runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optimus_ops.plan.steps import Plan


def plan_text(plan: Plan) -> str:
    """Return a plan as lines: a numbered step, and behind it why."""
    if not plan:
        return f"{plan.project}: {plan.purpose}: nothing to do"
    width = max(len(step.text) for step in plan.steps)
    lines = [
        f"  {number:>2}. {step.text:<{width}}  ({step.cause})" for number, step in enumerate(plan.steps, start=1)
    ]
    return "\n".join([f"{plan.project}: {plan.purpose}", *lines])


def plan_json(plan: Plan) -> dict[str, Any]:
    """Return a plan as a JSON object."""
    return {"project": plan.project, "purpose": plan.purpose, "steps": [step.as_json() for step in plan.steps]}
