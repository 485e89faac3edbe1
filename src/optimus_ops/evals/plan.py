"""What an evaluation will ask for, before anything is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from optimus_ops.evals.judge_tools import votes_of
from optimus_ops.evals.model import Answer
from optimus_ops.evals.platform import ModelEndpoint
from optimus_ops.evals.run import BASELINE_REPEATS, SECOND_REPEATS, EvalArms

CHARACTERS_PER_TOKEN = 4
"""Of English and Portuguese, about."""
ANSWER_TOKENS = 200
"""Of an answer, where nobody knows."""
NO_ANSWER = Answer("")


@dataclass(frozen=True, slots=True)
class SuitePlan:
    """How many answers a suite asks for at most, and how many tokens that is, about.

    Args:
        changed: cases with another prompt than the baseline's; None where no prompts are compared.
        second: answers of the second stage, if there is one.
        votes: a judge's, of the first stage.
        cost: US dollars of the first stage, votes included; None where no prices are known.
    """

    name: str
    cases: int
    changed: int | None
    first: int
    second: int
    tokens: int
    votes: int
    cost: float | None


def plan_suite(arms: EvalArms, endpoint: ModelEndpoint, repeats: int, judge: ModelEndpoint | None = None) -> SuitePlan:
    """Return what a suite will ask for; what the cache has costs nothing."""
    cases = len(arms.candidate)
    compared = bool(arms.baseline)
    once = arms.deterministic
    first = cases * (1 if once else repeats) + (cases * (1 if once else BASELINE_REPEATS) if compared else 0)
    second = 2 * SECOND_REPEATS * cases if compared and not once else 0
    characters = sum(len(message.content) for rendered in arms.candidate for message in rendered.messages)
    read = characters // CHARACTERS_PER_TOKEN * first // max(cases, 1)
    written = ANSWER_TOKENS * first
    pairs = zip(arms.candidate, arms.baseline, strict=False)
    changed = sum(ours.messages != theirs.messages for ours, theirs in pairs) if compared else None
    questions = list(votes_of((rendered.case, NO_ANSWER) for rendered in arms.candidate)) if judge else []
    votes = len(questions) * first // max(cases, 1)
    weighed = sum(len(message.content) for each in questions for message in each) // CHARACTERS_PER_TOKEN
    vote_cost = judge.cost(weighed * first // max(cases, 1) + ANSWER_TOKENS * votes, votes) if judge else None
    costs = [cost for cost in (endpoint.cost(read, written), vote_cost if votes else None) if cost is not None]
    return SuitePlan(
        arms.suite.name, cases, changed, first, second, read + written, votes, sum(costs) if costs else None
    )


def plan_json(plans: Sequence[SuitePlan], model: str, baseline: str) -> dict[str, Any]:
    """Return the plan as a document."""
    return {
        "schema": 1,
        "model": model,
        "baseline": baseline or None,
        "suites": [
            {
                "suite": each.name, "cases": each.cases, "changed": each.changed, "answers": each.first,
                "answers_of_second_stage": each.second, "votes": each.votes, "tokens": each.tokens, "cost": each.cost,
            }
            for each in plans
        ],
    }  # fmt: skip


def plan_lines(plans: Sequence[SuitePlan], model: str, baseline: str) -> list[str]:
    """Return the plan for people."""
    what = "the prompts of " if any(each.changed is not None for each in plans) else ""
    lines = [f"{model}, compared with {what}{baseline or 'nothing'}"]
    for each in plans:
        cost = "" if each.cost is None else f", about {each.cost:.2f} USD"
        more = f", {each.second:,} more if one is suspected" if each.second else ""
        votes = f", {each.votes:,} votes of the judge" if each.votes else ""
        changed = "" if each.changed is None else f" ({each.changed} with another prompt)"
        lines.append(f"  {each.name}: {each.cases:,} cases{changed}, {each.first:,} answers{votes}{more}{cost}")
    return lines
