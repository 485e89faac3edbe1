"""Figures of a stack that was seen to follow its load."""

from __future__ import annotations

from math import inf

from benchmarks.autoscale_live import arrivals
from benchmarks.autoscale_pairs import Pair, typical
from benchmarks.autoscale_run import KIND, SETTINGS, Followed, Sample, ScaleChange, made_changes
from benchmarks.autoscale_tables import acting_table, error_table, pairs_table

from optimus_ops.autoscale.simulate.model import Arrivals, Scenario
from optimus_ops.autoscale.simulate.report import enough_after
from optimus_ops.change.history import Change, Outcome, Result, StepRecord
from optimus_ops.load.result import ErrorKind, RequestResult

TIMES = (0.2, 3.0)


def answer(number: int, second: float, seconds: float, error: ErrorKind | None = None) -> RequestResult:
    return RequestResult(str(number), "chat", 100 + second, 100 + second, 100 + second + seconds, error=error)


def followed(results: list[RequestResult], *samples: tuple[float, int, int]) -> Followed:
    seen = [Sample(100 + at, running, ready, 0.5) for at, running, ready in samples or [(0.0, 1, 1)]]
    return Followed(seen, results, TIMES, 100.0, ())


def scenario(*rates: float, step: int | None = None) -> Scenario:
    return Scenario(Arrivals("spike", (KIND,), {"chat": rates}, step), SETTINGS, 8.0)


def test_a_second_violates_if_more_than_a_twentieth_of_its_requests_is_late_or_failed() -> None:
    good = [answer(0, 0, 0.6)] * 20 + [answer(1, 1, 3.4)] * 19
    bad = [answer(0, 0, 0.8), answer(0, 1, 0.8), answer(0, 2, 0.1, ErrorKind.STATUS)]
    assert followed(good).result("ours", scenario(1, 1, 1)).violating_seconds == 0
    result = followed([*good, *bad]).result("ours", scenario(1, 1, 1))
    # One of 21 in the first second, one of 20 in the next one, the only one in the last.
    assert (result.violating_seconds, result.late, result.failed) == (1, 3, 1)
    assert followed([*good, *bad, answer(0, 1, 0.8)]).result("ours", scenario(1, 1, 1)).violating_seconds == 2


def test_replicas_are_those_of_the_last_sample_in_each_second() -> None:
    result = followed([], (0.0, 1, 1), (1.5, 3, 1), (3.9, 2, 2)).result("ours", scenario(1, 1, 1, 1, 1))
    assert [found.paid for found in result.seconds] == [1, 3, 3, 2, 2]
    assert result.replica_seconds == 11
    assert result.most == 3


def test_enough_is_when_the_slots_that_are_ready_bear_the_load_of_the_step() -> None:
    spike = scenario(1, 1, 40, 40, 40, step=2)
    late = followed([], (0.0, 1, 1), (3.5, 3, 3)).result("ours", spike)
    assert enough_after(spike, late) == 1.0
    assert enough_after(spike, followed([]).result("ours", spike)) is None


def change(at: float, before: int, to: int, seconds: float) -> ScaleChange:
    return ScaleChange(100 + at, before, to, seconds, {"start": 1.0, "wait": 2.0})


def test_delays_of_the_model_are_the_medians_of_what_was_seen() -> None:
    changes = [change(21, 1, 2, 4.0), change(40, 2, 1, 9.0), change(60, 1, 3, 6.0)]
    seen = Followed((), (), (), 100.0, changes)
    assert (seen.growths, seen.start_up, seen.leaving) == ([4.0, 6.0], 5.0, 9.0)
    # A change at 21 s, and looks every 15 s from 3 s on at the earliest.
    assert seen.first_look(15.0) == 6.0
    still = Followed((), (), (), 100.0, ())
    assert (still.start_up, still.leaving, still.first_look(15.0)) == (SETTINGS.start_up_lead, 0.0, 15.0)


def record(outcome: Outcome, *seconds: float) -> Change:
    texts = ("start ai-engine=2", "wait until healthy: ai-engine=2")
    steps = tuple(StepRecord(text, "", Result.DONE, each) for text, each in zip(texts, seconds, strict=False))
    return Change(1, "", "", "", (), "scale", outcome, 1.0, steps, "", (), {})


def test_changes_that_were_done_have_their_steps_by_the_journal() -> None:
    told = [
        {"at": 120.0, "counts": {"ai-engine": 2}, "seconds": 4.0, "outcome": "done"},
        {"at": 130.0, "counts": {"ai-engine": 4}, "seconds": 2.0, "outcome": "failed"},
        {"at": 160.0, "counts": {"ai-engine": 3}, "seconds": 5.0, "outcome": "done"},
    ]
    # The newest first; the last one was made before the rule began.
    done = Outcome.DONE
    journal = [record(done, 1.5, 2.5), record(Outcome.UNDONE, 9.0), record(done, 1.0, 2.0), record(done, 7.0)]
    first, second = made_changes(told, journal)
    assert (first.at, first.before, first.to, first.seconds) == (120.0, 1, 2, 4.0)
    assert (second.before, second.to) == (2, 3)
    assert (first.steps, second.steps) == ({"start": 1.0, "wait": 2.0}, {"start": 1.5, "wait": 2.5})


def pair(*, ours: int, others: int) -> Pair:
    """Return a pair with so many violating seconds, of three."""
    first, second = (
        followed([answer(1, at, 9.0 if at < violating else 3.0) for at in range(3)]) for violating in (ours, others)
    )
    return Pair.of(first, second, scenario(1, 1, 1).arrivals, seed=1)


def test_the_pair_that_is_shown_has_the_median_ratio() -> None:
    pairs = [pair(ours=3, others=3), pair(ours=1, others=2), pair(ours=0, others=2)]
    assert [found.late for found in pairs] == [1.0, 0.5, 0.0]
    assert typical(pairs) is pairs[1]


def test_where_hpa_s_rule_had_no_violating_second_one_of_ours_is_not_made_good() -> None:
    assert pair(ours=0, others=0).late == 1.0
    assert pair(ours=1, others=0).late == inf


def test_tables_have_a_row_for_each_pair_and_figure() -> None:
    pairs = [pair(ours=0, others=2), pair(ours=1, others=2)]
    assert [row[0] for row in pairs_table(pairs).rows] == ["1", "2"]
    errors = {row[0]: row[1:] for row in error_table(pairs).rows}
    assert errors["Violating seconds"][0] == "0.5"
    assert acting_table(pairs).rows == ()


def test_pairs_begin_their_spikes_at_other_times_of_hpa_s_interval() -> None:
    steps = [arrivals(number, 3, quick=False).step for number in range(3)]
    assert [step - (steps[0] or 0) for step in steps if step is not None] == [0, 5, 10]
