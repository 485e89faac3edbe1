from __future__ import annotations

import json
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.unit.stacks import replica, state

from optimus_ops.change.history import Outcome, read_history
from optimus_ops.change.journal import KEPT, Journal, change_files, facts_of
from optimus_ops.errors import Refused
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.step import Plan
from optimus_ops.plan.steps import Start
from optimus_ops.system.clock import boot_id

PLAN = Plan("shop", "scale", (Start(counts=(("ai", 3),), cause=Cause("1 running")),))


def lines(journal: Journal) -> list[dict[str, Any]]:
    return [json.loads(line) for line in journal.path.read_bytes().splitlines() if line]


@contextmanager
def full_disk(path: Path, room: int) -> Iterator[None]:
    """Let files grow by no more than `room` bytes beyond a file's size, as a disk does that gets full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


def test_the_beginning_says_who_does_what_by_which_command_and_what_was_there(tmp_path: Path) -> None:
    before = facts_of(state(replica("ai"), replica("ai", 2), replica("ai", 3, status="exited"), replica("redis")))
    journal = Journal.begin(tmp_path, PLAN, before=before, command=["invoke", "scale", "--ai", "3"])
    [begin] = lines(journal)
    assert begin["event"] == "begin"
    assert begin["user"]
    assert begin["pid"] == os.getpid()
    assert begin["boot"] == boot_id()
    assert begin["command"] == ["invoke", "scale", "--ai", "3"]
    assert begin["before"]["ai"] == {"running": 2, "containers": ["ai1", "ai2", "ai3"]}
    assert begin["plan"]["steps"][0]["cause"] == "1 running"


def test_the_order_of_events_is_not_the_clock_s(tmp_path: Path) -> None:
    journal = Journal.begin(tmp_path, PLAN)
    journal.write("step")
    first, second = (event["boot_seconds"] for event in lines(journal))
    assert first <= second


def test_changes_are_numbered_in_the_order_in_which_they_begin(tmp_path: Path) -> None:
    names = [Journal.begin(tmp_path, PLAN).path.name for _ in range(3)]
    assert names == ["shop-000001.jsonl", "shop-000002.jsonl", "shop-000003.jsonl"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names


def test_another_project_counts_for_itself(tmp_path: Path) -> None:
    Journal.begin(tmp_path, PLAN)
    other = Journal.begin(tmp_path, Plan("shop-000001", "scale"))
    assert other.path.name == "shop-000001-000001.jsonl"
    assert [number for number, _path in change_files(tmp_path, "shop")] == [1]


def test_the_oldest_files_of_the_project_go(tmp_path: Path) -> None:
    for number in range(1, KEPT + 3):
        (tmp_path / f"shop-{number:06d}.jsonl").touch()
    (tmp_path / "blog-000001.jsonl").touch()
    Journal.begin(tmp_path, PLAN)
    numbers = [number for number, _path in change_files(tmp_path, "shop")]
    assert numbers == list(range(4, KEPT + 4))
    assert (tmp_path / "blog-000001.jsonl").exists()


def test_a_folder_that_can_not_be_written_to_is_refused_before_anything_is_touched(tmp_path: Path) -> None:
    (tmp_path / "journal").touch()
    with pytest.raises(Refused, match="the journal can't be written"):
        Journal.begin(tmp_path / "journal", PLAN)


def test_no_room_for_the_beginning_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    with full_disk(tmp_path, -tmp_path.stat().st_size + 10), pytest.raises(Refused):
        Journal.begin(tmp_path, PLAN)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_costs_lines_and_not_the_change(tmp_path: Path) -> None:
    journal = Journal.begin(tmp_path, PLAN)
    with full_disk(journal.path, 10):
        journal.write("step", step={"text": "start"})
    journal.write("done")
    [change] = read_history(tmp_path, "shop").changes
    assert change.outcome is Outcome.DONE
