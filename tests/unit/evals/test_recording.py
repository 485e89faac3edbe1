"""What is said of a recording."""

from __future__ import annotations

from pathlib import Path

import pytest

from optimus_ops.evals.cache import Question
from optimus_ops.evals.model import Answer, Message
from optimus_ops.evals.recording import DAY, Recorder, Recording

QUESTIONS = [Question("e", "m", (Message("user", f"ask {number}"),), 0) for number in range(6)]


def recording(folder: Path, days: list[int]) -> Recording:
    """Return one whose answers, to the first questions, are so many days old."""
    for number, age in enumerate(days):
        recorder = Recorder(clock=lambda age=age: -age * DAY)  # type: ignore[misc]
        recorder.add(QUESTIONS[number], Answer("a"))
        recorder.write(folder / f"{number}.jsonl")
    lines = "".join((folder / f"{number}.jsonl").read_text() for number in range(len(days)))
    (folder / "all.jsonl").write_text(lines)
    return Recording.read(folder / "all.jsonl", "all.jsonl")


@pytest.mark.parametrize(
    ("days", "asked", "told"),
    [
        ([3, 40], range(2), "2 of 2 answers are recorded, 3 to 40 days old"),
        ([3, 3], range(6), "2 of 6 answers are recorded, 3 days old"),
        ([3, 4, 5], range(2, 5), "1 of 3 answers are recorded, 5 days old; 2 others are not asked for"),
        ([3], range(0), "0 of 0 answers are recorded; 1 others are not asked for"),
    ],
)
def test_coverage_and_age_are_told(tmp_path: Path, days: list[int], asked: range, told: str) -> None:
    found = recording(tmp_path, days)

    for number in asked:
        found.get(QUESTIONS[number], 0.0)

    assert found.coverage(lambda: 0.0) == told
