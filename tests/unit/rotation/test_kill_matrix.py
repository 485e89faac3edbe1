"""Wherever a rotation is killed: it is served throughout, and ends with one valid value, forwards or backwards.

A fourth or fifth of the moments is tried, others for each way; with `nox -s properties` each of them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.fakes.faults import Killed
from tests.fakes.rotation import FIRST_PROVIDER_KEYS, KEYS, FakePlatform
from tests.fakes.shop import memory_folder
from tests.support.thorough import some

from optimus_ops.errors import OpsError, Refused
from optimus_ops.rotation.model import Phase

MOST_MOMENTS = 1000
"""More than any rollback has."""


@pytest.fixture
def memory() -> Iterator[Path]:
    with memory_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def moments() -> Callable[[str], int]:
    """Return what counts, once for each key, the moments of a whole rotation."""

    @functools.cache
    def count(key: str) -> int:
        with memory_folder() as folder:
            platform = FakePlatform.open(folder)
            platform.rotate(key, member=1 if key == "PROVIDER_KEYS" else 0)
            platform.assert_settled()
            return platform.moments

    return count


@pytest.mark.parametrize("key", KEYS)
def test_a_rotation_that_is_killed_anywhere_ends_with_one_valid_value(moments: Callable[[str], int], key: str) -> None:
    ends = set()
    numbers = range(1, moments(key) + 1)
    for way, number in [
        (way, number) for share, way in enumerate(("resume", "rollback")) for number in some(numbers, 4, 2 * share)
    ]:
        with memory_folder() as folder:
            platform = FakePlatform.open(folder)
            old = platform.file()[key]
            platform.die_at = number
            with pytest.raises(Killed):
                platform.rotate(key, member=1 if key == "PROVIDER_KEYS" else 0)
            platform.new_process()
            left = platform.rotations().records.pending()
            forward = any(record.committed for record in left)
            if way == "rollback" and forward:
                with pytest.raises(Refused, match="its old value is being disabled"):
                    platform.rotate(rollback=True)
                platform.rotate(resume=True)
            else:
                platform.rotate(**{way: True})
            platform.assert_settled()
            new = platform.file()[key] != old
            # Where it had not begun yet there is nothing to go on with, and where it had ended nothing to take back.
            assert new == (way == "resume" or forward) or not left
            ends.add((left[0].phase if left else None, new))
    phases = {phase for phase, _new in ends}
    assert phases >= {
        Phase.INTENT,
        Phase.PENDING,
        Phase.INSTALLED,
        Phase.TESTED,
        Phase.CURRENT,
        Phase.CONVERGED,
        Phase.GRACE,
        Phase.DISABLED,
    }


@pytest.mark.parametrize("key", KEYS)
def test_a_rotation_in_which_anything_fails_is_rolled_back_or_goes_on(moments: Callable[[str], int], key: str) -> None:
    for number in some(range(1, moments(key) + 1), 5, KEYS.index(key)):
        with memory_folder() as folder:
            platform = FakePlatform.open(folder)
            old = platform.file()[key]
            platform.fail_at = number
            try:
                platform.rotate(key, member=1 if key == "PROVIDER_KEYS" else 0)
            except OpsError:
                left = platform.rotations().records.pending()
                assert not left or left[0].committed
                if not left:
                    assert platform.file()[key] == old or not platform.rotations().records.pending()
            platform.new_process()
            platform.rotate(resume=True)
            platform.assert_settled()


@pytest.mark.parametrize("key", KEYS)
def test_a_rollback_that_is_killed_anywhere_is_completed(key: str) -> None:
    for number in some(range(1, MOST_MOMENTS), 5, KEYS.index(key)):
        with memory_folder() as folder:
            platform = FakePlatform.open(folder)
            before = platform.file()
            platform.grace = 1e6
            platform.rotate(key, member=1 if key == "PROVIDER_KEYS" else 0)
            assert platform.rotations().records.pending()[0].phase is Phase.CONVERGED
            platform.moments, platform.die_at = 0, number
            try:
                platform.rotate(rollback=True)
            except Killed:
                platform.new_process()
                left = platform.rotations().records.pending()
                # Before its first step said so, it was none.
                platform.rotate(resume=True) if left and left[0].back else platform.rotate(rollback=True)
            else:
                platform.assert_settled()
                break
            platform.assert_settled()
            assert platform.file() == before
    assert number > 10


def test_what_a_provider_made_and_a_killed_run_never_learned_is_removed(memory: Path) -> None:
    platform = FakePlatform.open(memory)
    platform.lose_reply = True
    with pytest.raises(OpsError, match="no answer came"):
        platform.rotate("PROVIDER_KEYS", member=2)

    platform.assert_settled()
    assert platform.file()["PROVIDER_KEYS"] == FIRST_PROVIDER_KEYS
