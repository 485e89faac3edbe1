from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.loadtest.results import PROFILE, result_of, second

from optimus_ops.errors import Refused
from optimus_ops.loadtest.compare import compare
from optimus_ops.loadtest.document import document
from optimus_ops.loadtest.earlier_runs import read_runs
from optimus_ops.loadtest.judgement import complaint, judge
from optimus_ops.loadtest.records import Interval


def run(median: float, seed: int, seconds: int = 60) -> list[Interval]:
    numbers = random.Random(seed)
    return [second(number, [numbers.lognormvariate(0, 0.4) * median for _ in range(10)]) for number in range(seconds)]


def verdicts(before: list[list[Interval]], now: list[Interval]) -> dict[float, str]:
    return {comparison.percent: comparison.verdict for comparison in compare(before, now)}


def test_a_slower_run_is_seen_and_so_is_a_faster_one() -> None:
    assert set(verdicts([run(0.1, 1)], run(0.15, 2)).values()) == {"slower"}
    assert set(verdicts([run(0.15, 1)], run(0.1, 2)).values()) == {"faster"}


def test_of_two_runs_of_the_same_thing_no_difference_is_seen() -> None:
    found = [verdicts([run(0.1, seed), run(0.1, seed + 100)], run(0.1, seed + 50))[50.0] for seed in range(10)]
    assert found.count("no difference seen") >= 8


def test_a_single_slow_moment_is_no_difference() -> None:
    slow = run(0.1, 2)
    slow[30] = second(30, [3.0] * 10)
    assert verdicts([run(0.1, 1)], slow)[99.0] == "no difference seen"


def test_too_few_requests_can_not_be_compared() -> None:
    found = verdicts([run(0.1, 1, 4)], run(0.1, 2, 4))
    assert found[99.0] == "not comparable"
    assert found[50.0] != "not comparable"
    assert set(verdicts([run(0.1, 1, 1)], run(0.1, 2, 60)).values()) == {"not comparable"}


def written(path: Path, **changes: object) -> str:
    result = result_of(run(0.1, 1))
    path.write_text(json.dumps({**document(result, judge(result)), **changes}))
    return str(path)


def test_a_document_is_read_as_it_was_measured(tmp_path: Path) -> None:
    [found] = read_runs([written(tmp_path / "run.json")], PROFILE, "locust")
    measured = run(0.1, 1)
    assert [interval.latency.counts for interval in found.intervals] == [each.latency.counts for each in measured]
    assert [interval.ok for interval in found.intervals] == [each.ok for each in measured]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"profile": "spike"}, "that run was spike by locust, this one is steady by locust"),
        ({"engine": "k6"}, "steady by k6"),
        ({"valid": False}, "invalid"),
        ({"schema": 99}, "schema 99"),
        ({"intervals": None}, "no result of a load test"),
    ],
)
def test_a_run_that_is_no_measure(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(Refused) as error:
        read_runs([written(tmp_path / "run.json", **changes)], PROFILE, "locust")
    assert message in str(error.value)


@pytest.mark.parametrize("text", ["", "[]", "{}", "17", '{"valid": true}'])
def test_a_file_of_something_else(tmp_path: Path, text: str) -> None:
    path = tmp_path / "run.json"
    path.write_text(text)
    with pytest.raises(Refused, match="no result of a load test"):
        read_runs([str(path)], PROFILE, "locust")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="can't be read"):
        read_runs([str(tmp_path / "run.json")], PROFILE, "locust")


def test_of_a_folder_what_can_be_compared_is_read(tmp_path: Path) -> None:
    written(tmp_path / "steady.json")
    written(tmp_path / "spike.json", profile="spike")
    (tmp_path / "other.json").write_text("{}")
    assert [Path(run.file).name for run in read_runs([str(tmp_path)], PROFILE, "locust")] == ["steady.json"]
    assert read_runs([f"{tmp_path}/not-yet/"], PROFILE, "locust") == []


@pytest.mark.parametrize(
    ("now", "slower", "worse"),
    [(0.2, 1.2, True), (0.2, 3.0, False), (0.1, 1.2, False), (0.05, 1.2, False)],
)
def test_only_a_proven_worsening_beyond_the_profile_s_bound_fails_the_run(
    now: float, slower: float, *, worse: bool
) -> None:
    result = result_of(run(now, 2), profile=replace(PROFILE, slower=slower))
    result = replace(result, comparisons=compare([run(0.1, 1)], result.intervals))
    judgement = judge(result)
    assert judgement.ok is not worse
    error = complaint(result, judgement)
    assert (error is not None) is worse
    if error is not None:
        assert error.exit_code == 1
        assert "slower than the runs before, and more than 1.2 times as long\n  chat p50: 2.0" in error.message


def test_what_can_not_be_told_from_chance_fails_no_run() -> None:
    measured = result_of(run(0.11, 2))
    comparisons = compare([run(0.1, 1)], measured.intervals)
    # More than is allowed, by less than the interval is wide.
    allowed = max(each.ratio or 0 for each in comparisons) - 0.001
    result = replace(measured, profile=replace(PROFILE, slower=allowed), comparisons=comparisons)
    assert judge(result).ok
