from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.change.lock import stack_lock
from optimus_ops.change.owner import Owner, parse_owner
from optimus_ops.errors import Refused

NOBODY = 65534
OWNER = Owner("ann", "elsewhere", 77, "invoke deploy", "2026-01-01T00:00:00+00:00", "boot-1", 1000.0, 1300.0)


def refusal(folder: Path) -> str:
    """Try to take the lock, and return what a second owner is told."""
    with pytest.raises(Refused) as refused, stack_lock(folder, "shop", "x"):
        pytest.fail("two owners at once")
    return str(refused.value)


@contextmanager
def another_user() -> Iterator[None]:
    """Be a user who may not do everything."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)


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
    context = multiprocessing.get_context("fork")
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


def test_others_are_told_how_long_it_may_take(tmp_path: Path) -> None:
    with stack_lock(tmp_path, "shop", "invoke deploy") as lock:
        assert "may take" not in refusal(tmp_path)
        lock.expect(600, "invoke deploy: 12 steps")
        assert "invoke deploy: 12 steps; it may take 600 s more" in refusal(tmp_path)
        assert "--lock-wait 601" in refusal(tmp_path)


def test_an_overdue_owner_keeps_the_lock_and_others_are_told_how_to_end_it(tmp_path: Path) -> None:
    with stack_lock(tmp_path, "shop", "invoke deploy") as lock:
        lock.expect(-60)
        assert "it is overdue by 60 s" in refusal(tmp_path)
        assert f"kill -INT {os.getpid()}" in refusal(tmp_path)


def test_a_shorter_reason_leaves_nothing_of_a_longer_one(tmp_path: Path) -> None:
    with stack_lock(tmp_path, "shop", "a long reason " * 100) as lock:
        lock.expect(5, "short")
        assert parse_owner((tmp_path / "shop.lock").read_bytes()) == lock.owner


def test_another_start_of_the_machine_says_nothing_about_now() -> None:
    assert "it may take 200 s more" in OWNER.text("boot-1", 1100.0)
    assert "for 100 s" in OWNER.text("boot-1", 1100.0)
    assert OWNER.text("boot-2", 1100.0).endswith("since 2026-01-01T00:00:00+00:00: invoke deploy")
    assert OWNER.remaining("", 1100.0) is None


def test_an_owner_on_another_host_is_ended_there() -> None:
    assert "on elsewhere" in OWNER.hint("boot-1", 1301.0)


def test_the_group_may_take_the_lock(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        with stack_lock(tmp_path, "shop", "x"):
            pass
    finally:
        os.umask(before)
    assert (tmp_path / "shop.lock").stat().st_mode & 0o777 == 0o660


def test_a_lock_that_may_not_be_opened_is_refused_with_its_owner(tmp_path: Path) -> None:
    (tmp_path / "shop.lock").touch(mode=0o000)
    with another_user():
        said = refusal(tmp_path)
    assert "Permission denied" in said
    assert str(tmp_path) in said


def test_a_folder_that_can_not_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "Not a directory" in refusal(tmp_path / "file" / "locks")


def test_a_link_in_the_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "shop.lock").symlink_to(tmp_path / "elsewhere")
    refusal(tmp_path)
    assert not (tmp_path / "elsewhere").exists()


def test_a_file_that_says_nothing_readable_is_still_a_lock(tmp_path: Path) -> None:
    with stack_lock(tmp_path, "shop", "x"):
        (tmp_path / "shop.lock").write_bytes(b"\xff")
        assert "locked by another process" in refusal(tmp_path)


@given(st.binary())
def test_whatever_a_lock_file_holds_is_an_owner_or_none(raw: bytes) -> None:
    assert parse_owner(raw) is None


@given(st.builds(Owner, taken=st.floats(0, 1e9), until=st.none() | st.floats(0, 1e9)))
def test_an_owner_is_read_as_it_was_written(owner: Owner) -> None:
    assert parse_owner(owner.as_bytes()) == owner


@given(
    st.dictionaries(
        st.sampled_from(["user", "host", "pid", "reason", "since", "boot", "taken", "until"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers()),
        min_size=8,
    )
)
def test_facts_of_the_wrong_kind_make_no_owner_that_can_not_be_told(facts: dict[str, object]) -> None:
    owner = parse_owner(json.dumps(facts).encode())
    if owner is not None:
        assert owner.text(owner.boot, 1.0)
        assert owner.hint(owner.boot, 1.0)
