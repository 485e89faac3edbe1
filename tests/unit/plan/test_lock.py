from __future__ import annotations

import multiprocessing
import os
import signal
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from optimus_ops.errors import Refused
from optimus_ops.plan.lock import stack_lock


def hold(folder: Path, held: Event) -> None:
    with stack_lock(folder, "shop", "invoke scale --ai 3"):
        held.set()
        signal.pause()


def test_a_second_owner_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    with (
        stack_lock(tmp_path, "shop", "invoke deploy"),
        pytest.raises(Refused) as refused,
        stack_lock(tmp_path, "shop", "x"),
    ):
        pytest.fail("two owners at once")
    assert "invoke deploy" in str(refused.value)
    assert str(os.getpid()) in str(refused.value)


def test_another_project_has_a_lock_of_its_own(tmp_path: Path) -> None:
    with stack_lock(tmp_path, "shop", "a"), stack_lock(tmp_path, "blog", "b"):
        assert len(list(tmp_path.iterdir())) == 2


def test_the_lock_of_a_killed_owner_is_taken_over(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    held = context.Event()
    owner = context.Process(target=hold, args=(tmp_path, held))
    owner.start()
    assert held.wait(30)
    with pytest.raises(Refused), stack_lock(tmp_path, "shop", "b"):
        pytest.fail("two owners at once")
    os.kill(owner.pid or 0, signal.SIGKILL)
    owner.join()
    with stack_lock(tmp_path, "shop", "b"):
        pass


def test_waiting_says_for_whom(tmp_path: Path) -> None:
    said: list[str] = []
    with (
        stack_lock(tmp_path, "shop", "a"),
        pytest.raises(Refused),
        stack_lock(tmp_path, "shop", "b", wait=0.3, on_wait=said.append),
    ):
        pytest.fail("two owners at once")
    assert "waiting for" in said[0]
