"""What an evaluation will ask for, before anything is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from optimus_ops.evals.platform import ModelEndpoint
from optimus_ops.evals.run import BASELINE_REPEATS, SECOND_REPEATS, EvalArms

CHARACTERS_PER_TOKEN = 4
"""Of English and Portuguese, about."""
ANSWER_TOKENS = 200
"""Of an answer, where nobody knows."""


@dataclass(frozen=True, slots=True)
class SuitePlan:
    """How many answers a suite asks for at most, and how many tokens that is, about.

    Args:
        second: answers of the second stage, if there is one.
    """

    name: str
    cases: int
    changed: int
    first: int
    second: int
    tokens: int
    cost: float | None


def plan_suite(arms: EvalArms, endpoint: ModelEndpoint, repeats: int) -> SuitePlan:
    """Return what a suite will ask for; what the cache has costs nothing."""
    cases = len(arms.candidate)
    compared = bool(arms.baseline)
    once = arms.deterministic
    first = cases * (1 if once else repeats) + (cases * (1 if once else BASELINE_REPEATS) if compared else 0)
    second = 2 * SECOND_REPEATS * cases if compared and not once else 0
    characters = sum(len(message.content) for rendered in arms.candidate for message in rendered.messages)
    read = characters // CHARACTERS_PER_TOKEN * first // max(cases, 1)
    written = ANSWER_TOKENS * first
    changed = sum(ours.messages != theirs.messages for ours, theirs in zip(arms.candidate, arms.baseline, strict=False))
    return SuitePlan(arms.suite.name, cases, changed, first, second, read + written, endpoint.cost(read, written))


def plan_json(plans: Sequence[SuitePlan], model: str, baseline: str) -> dict[str, Any]:
    """Return the plan as a document."""
    return {
        "schema": 1,
        "model": model,
        "baseline": baseline or None,
        "suites": [
            {
                "suite": each.name, "cases": each.cases, "changed": each.changed, "answers": each.first,
                "answers_of_second_stage": each.second, "tokens": each.tokens, "cost": each.cost,
            }
            for each in plans
        ],
    }  # fmt: skip


def plan_lines(plans: Sequence[SuitePlan], model: str, baseline: str) -> list[str]:
    """Return the plan for people."""
    lines = [f"{model}, compared with the prompts of {baseline}" if baseline else f"{model}, compared with nothing"]
    for each in plans:
        cost = "" if each.cost is None else f", about {each.cost:.2f} USD"
        more = f", {each.second:,} more if one is suspected" if each.second else ""
        changed = f" ({each.changed} with another prompt)" if baseline else ""
        lines.append(f"  {each.name}: {each.cases:,} cases{changed}, {each.first:,} answers{more}{cost}")
    return lines
