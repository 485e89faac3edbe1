"""Figures over several runs."""

from __future__ import annotations

import pytest
from tests.unit.redis.drill.records import CHAT, NEAR, PLAIN, WAITING, failover, recording, steady, write

from optimus_ops.redis.drill.faults import CONTROL, KILL, Fault
from optimus_ops.redis.drill.figures import figures, median_run, objectives, seconds
from optimus_ops.redis.drill.record import Fact
from optimus_ops.redis.drill.run_result import RunResult, run_result
from optimus_ops.reports.measurement import Objective


def objectives_of(fault: Fault, *runs: RunResult) -> dict[str, Objective]:
    return {objective.name: objective for objective in objectives([(fault, figures(runs))])}


def run_with(outage: float, lost: int = 0) -> RunResult:
    writes = [*steady(98.0, 99.9), *steady(99.9 + outage, 106.0, node="two")]
    return run_result(recording(writes, lost=[made.id for made in writes[:lost]]), 2.0)


def test_runs_without_a_figure_are_left_out() -> None:
    assert seconds([None, 2.0, None, 1.0]).samples == (2.0, 1.0)
    assert seconds([None]).value is None


def test_figures_tell_outages_losses_and_elections() -> None:
    found = figures((run_with(1.0), run_with(1.5, lost=2), run_with(2.5, lost=3)))

    assert found.outages["plain"].value == pytest.approx(1.5)
    assert max(found.outages["plain"].samples) == pytest.approx(2.5)
    assert found.lost["plain"] == (5, 3)
    assert found.elections == {1: 3}
    assert (found.runs, found.good) == (3, 3)


def test_evidence_is_tallied_and_other_facts_are_not() -> None:
    facts = {"yes: it is a title": Fact(holds=True), "bytes": Fact("12"), "won": Fact("yes: nobody", holds=False)}

    found = figures((run_result(recording(facts=facts), 2.0),))

    assert found.facts == {"yes: it is a title": {"yes": 1}, "won": {"no": 1}}


def test_objectives_are_met_below_their_bound_only() -> None:
    runs = [*(run_with(1.0) for _ in range(18)), run_with(3.5), run_with(3.5)]

    found = objectives_of(KILL, *runs)

    assert found["kill: outage of plain writes, p50"].verdict == "met"
    assert found["kill: outage of plain writes, p95"].verdict == "missed"


def test_a_p95_of_few_runs_is_not_measured_and_says_how_many_it_takes() -> None:
    found = objectives_of(KILL, *[run_with(1.0)] * 3)["kill: outage of plain writes, p95"]

    assert found.verdict == "not measured"
    assert found.basis == "3 runs; p95 needs 20"


def test_an_outage_that_never_ended_is_not_measured() -> None:
    found = objectives_of(KILL, run_result(recording(steady(98.0, 99.9)), 2.0))

    assert found["kill: outage of plain writes, p50"].verdict == "not measured"


def test_a_second_election_and_a_lost_waited_for_write_miss_their_objectives() -> None:
    again = [*failover(), *failover("s2", epoch=3, after=2.0)]
    writes = [*steady(98.0, 106.0, kind=WAITING)]
    runs = [
        run_result(recording(writes), 2.0),
        run_result(recording(writes, events=again, lost=[writes[0].id]), 2.0),
    ]

    found = objectives_of(KILL, *runs)

    assert found["kill: runs with more or fewer than one election"].measured == 1
    assert found["acknowledged WAIT writes that were lost"].measured == 1


def test_requests_that_failed_are_an_objective_of_faults_in_which_services_go_on() -> None:
    writes = [*steady(98.0, 106.0, kind=CHAT), write("late", 104.0, "indeterminate", kind=CHAT)]

    found = objectives_of(KILL, run_result(recording(writes, kinds=[PLAIN, CHAT]), 2.0))

    assert found["kill: failed requests to chat"].measured == 1
    assert found["kill: failed requests to chat"].basis.startswith(f"{len(writes)} of callers")


@pytest.mark.parametrize(("lost", "verdict"), [(0, "missed"), (1, "met")])
def test_a_control_that_sees_no_loss_misses_its_objective(lost: int, verdict: str) -> None:
    writes = steady(98.0, 106.0, kind=NEAR)
    run = recording(writes, kinds=[PLAIN, NEAR], lost=[made.id for made in writes[:lost]], fault=CONTROL)

    found = objectives_of(CONTROL, run_result(run, None))

    assert found["control: plain writes seen to be lost"].verdict == verdict


def test_the_run_in_the_middle_stands_for_the_others() -> None:
    runs = [run_with(3.0), run_with(1.0), run_with(2.0)]

    assert median_run(runs) is runs[2]
