"""The report of an earlier run as a baseline: its answers are there, and no more can be asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from optimus_ops.errors import Refused
from optimus_ops.evals.collect import Collected
from optimus_ops.evals.earlier import read_run
from optimus_ops.evals.model import Suite
from optimus_ops.evals.request import EvalRequest

Answers = Mapping[str, tuple[Collected, ...]]
"""The answers to each case, by its id."""


def baseline_answers(request: EvalRequest, suites: Sequence[Suite]) -> Mapping[str, Answers]:
    """Return the answers that the report of `--baseline` has to suites, by their names; none where it is a commit.

    Raises:
        Refused: it is no report, lacks a suite, or has another version of one.
    """
    if request.baseline_report is None:
        return {}
    run = read_run(request.baseline_report)
    known = {suite.name: suite for suite in run.suites}
    for suite in suites:
        if suite.name not in known:
            raise Refused(f"--baseline {request.baseline}: it has no suite {suite.name!r}", "choose: --suite")
        if known[suite.name].digest != suite.digest:
            raise Refused(
                f"--baseline {request.baseline}: its suite {suite.name!r} is of another version",
                "make the report again with the suite of now, or compare with a commit, whose prompts are asked anew",
            )
    return {suite.name: known[suite.name].collected for suite in suites}
