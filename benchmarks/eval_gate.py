"""How often the gate of `invoke llm-eval` is wrong, by simulation; and what it costs beside the models' own time."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.section import Blocks, paragraph
from optimus_ops.evals.gate.model import GateVerdict
from optimus_ops.evals.gate.simulate import Simulated, verdict_shares
from optimus_ops.reports.measurement import Objective
from optimus_ops.reports.model import Table

RUNS = 10_000
WORSE = -0.106
UNCHANGED = (
    Simulated("unchanged, 100 cases", 100),
    Simulated("unchanged, 200 cases"),
    Simulated("unchanged, 20 clusters of 20", 400, cluster=20),
    Simulated("unchanged, 6 clusters of 20", 120, cluster=20),
    Simulated("unchanged, graded scores", kind="graded"),
    Simulated("unchanged, mostly perfect scores", kind="mostly perfect"),
    Simulated("unchanged, 3 of 1,000 answers missing", missing=0.003),
)
CHANGED = (
    Simulated("10.6 points worse, 200 cases", change=WORSE),
    Simulated("10.6 points worse, 20 clusters of 20", 400, change=WORSE, cluster=20),
    Simulated("10.6 points worse, graded scores", change=WORSE, kind="graded"),
    Simulated("5 points worse, 200 cases", change=-0.05),
    Simulated("5 points worse, 800 cases", 800, change=-0.05),
    Simulated("5 points better, 200 cases", change=0.05),
)
NOTE = paragraph(
    "Each gate is simulated whole: five kept answers of the baseline and one of the candidate to each case, and where "
    "that is suspicious (p < 0.25) four fresh ones of each side. Cases are right with a probability of their own, 80 % "
    "in the mean, so that paired differences of single answers vary as they do in practice (variance 0.30). Clusters "
    "are conversations whose cases are right and wrong together. INCONCLUSIVE blocks nothing: it says how many cases "
    "would decide."
)


def measure(runs: int = RUNS) -> Blocks:
    """Simulate all, and judge false blocks and power."""
    unchanged = [(each, verdict_shares(each, runs)) for each in UNCHANGED]
    changed = [(each, verdict_shares(each, runs)) for each in CHANGED]
    worst = max(shares["fail"] for _, shares in unchanged)
    basis = f"{runs:,} gates each"
    caught = changed[0][1]["fail"]
    return (
        Objective("Unchanged prompts blocked, the worst kind", "at most", 1.0, worst * 100, "%", basis),
        Objective("10.6 points worse caught, 200 cases", "at least", 99.0, caught * 100, "%", basis),
        NOTE,
        table([*unchanged, *changed]),
    )


def table(found: Sequence[tuple[Simulated, dict[GateVerdict, float]]]) -> Table:
    """Return the shares of all verdicts."""
    header = ("prompt", "PASS", "INCONCLUSIVE", "FAIL")
    return Table(
        header,
        tuple(
            (each.name, *(f"{shares[verdict]:.2%}" for verdict in ("pass", "inconclusive", "fail")))
            for each, shares in found
        ),
        frozenset(header[1:]),
    )
