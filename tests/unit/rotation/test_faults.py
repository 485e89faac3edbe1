"""What goes wrong amid a rotation: targets, replicas, disks, clocks, and others who do the same."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from tests.fakes.faults import Killed
from tests.fakes.rotation import FIRST_PROVIDER_KEYS, KEYS, FakePlatform

from optimus_ops.change.lock import stack_lock
from optimus_ops.change.options import ChangeOptions
from optimus_ops.errors import Interrupted, OpsError, Refused
from optimus_ops.rotation.model import Phase, Validity
from optimus_ops.rotation.status import show_status
from optimus_ops.secrets import set_command, store

LONG = 86_400.0


def member(key: str) -> int:
    return 1 if key == "PROVIDER_KEYS" else 0


def only(platform: FakePlatform) -> Any:
    (record,) = platform.rotations().records.pending()
    return record


def test_what_a_target_does_not_know_is_asked_again(platform: FakePlatform) -> None:
    platform.answers = [Validity.UNKNOWN] * 3
    platform.rotate("DB_PASSWORD")

    platform.assert_settled()
    assert not platform.answers


@pytest.mark.parametrize("key", KEYS)
def test_a_target_that_never_gives_an_answer_changes_nothing(platform: FakePlatform, key: str) -> None:
    before = platform.file()
    platform.answers = [Validity.UNKNOWN] * 61
    with pytest.raises(OpsError, match="gives no usable answer about it"):
        platform.rotate(key, member=member(key))

    platform.assert_settled()
    assert platform.file() == before


def test_a_target_that_takes_a_corrupted_value_is_not_believed(platform: FakePlatform) -> None:
    before = platform.file()
    platform.lies = True
    with pytest.raises(OpsError, match="takes a corrupted value for a valid one"):
        platform.rotate("DB_PASSWORD")
    platform.lies = False

    # What it says of the new value on the way back is no more to be believed.
    assert platform.file() == before
    assert only(platform).back
    platform.rotate(resume=True)
    platform.assert_settled()


def test_a_reply_that_is_lost_leaves_no_orphan_at_the_provider(platform: FakePlatform) -> None:
    platform.lose_reply = True
    with pytest.raises(OpsError, match="no answer came"):
        platform.rotate("PROVIDER_KEYS", member=2)

    platform.assert_settled()
    assert platform.file()["PROVIDER_KEYS"] == FIRST_PROVIDER_KEYS


def test_a_pool_is_rotated_member_by_member(platform: FakePlatform) -> None:
    platform.rotate("PROVIDER_KEYS")

    platform.assert_settled()
    assert platform.file()["PROVIDER_KEYS"] == "sk-minted-0001,sk-minted-0002"


def test_a_replica_that_stays_silent_has_the_rotation_rolled_back(platform: FakePlatform) -> None:
    before = platform.file()
    platform.replicas[0].silent = True
    with pytest.raises(OpsError, match="web-1 says nothing"):
        platform.rotate("API_KEY")

    platform.assert_settled()
    assert platform.file() == before


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
@pytest.mark.parametrize("at", range(1, 16))
def test_a_disk_that_takes_nothing_more_loses_nothing(
    platform: FakePlatform, monkeypatch: pytest.MonkeyPatch, number: int, at: int
) -> None:
    old = platform.file()["API_KEY"]
    real, calls = os.replace, 0

    def replace(*arguments: Any, **options: Any) -> None:
        nonlocal calls
        calls += 1
        if calls >= at:
            raise OSError(number, os.strerror(number))
        real(*arguments, **options)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(OpsError) as failed:
        platform.rotate("API_KEY")
    assert os.strerror(number) in str(failed.value)
    monkeypatch.setattr(os, "replace", real)

    platform.assert_served()
    left = platform.rotations().records.pending()
    platform.rotate(resume=True)
    platform.assert_settled()
    assert left or platform.file()["API_KEY"] == old


def test_a_state_folder_that_can_t_be_made_is_one_message(
    platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.mkdir

    def mkdir(path: Path, *arguments: Any, **options: Any) -> None:
        if path.name == "rotations":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        real(path, *arguments, **options)

    monkeypatch.setattr(Path, "mkdir", mkdir)
    with pytest.raises(OpsError, match="can't be made: Permission denied"):
        platform.rotate("API_KEY")
    platform.assert_settled()


def test_a_second_rotation_of_a_key_is_refused_while_its_first_is_under_way(platform: FakePlatform) -> None:
    platform.grace = LONG
    platform.rotate("API_KEY")
    with pytest.raises(Refused, match="API_KEY is being rotated already") as refused:
        platform.rotate("API_KEY")

    assert "--resume, or --rollback" in str(refused.value)
    platform.rotate("DB_PASSWORD")
    assert {record.key for record in platform.rotations().records.pending()} == {"API_KEY", "DB_PASSWORD"}


def test_a_value_is_not_set_by_hand_while_it_is_being_rotated(platform: FakePlatform) -> None:
    platform.grace = LONG
    platform.rotate("API_KEY")
    with pytest.raises(Refused, match="API_KEY is being rotated"):
        set_command.change_value("API_KEY", ChangeOptions(), root=platform.checkout.root)


def test_two_at_once_are_kept_apart_by_the_lock(platform: FakePlatform) -> None:
    state = platform.checkout.root / ".optimus"
    with (
        stack_lock(state / "locks", platform.rotations().keys.project, "another"),
        pytest.raises(Refused, match="is locked by"),
    ):
        platform.rotate("API_KEY")
    platform.assert_settled()


def test_a_long_grace_ends_the_command_and_resume_ends_the_rotation(
    platform: FakePlatform, capsys: pytest.CaptureFixture[str]
) -> None:
    platform.grace = 3600
    old = platform.file()["API_KEY"]
    platform.rotate("API_KEY")
    assert "API_KEY is in grace until 2027-" in capsys.readouterr().out
    assert only(platform).phase is Phase.CONVERGED
    assert old in platform.replicas[0].accepts("API_KEY")

    platform.clock.now += 3000
    platform.rotate(resume=True)
    assert only(platform).phase is Phase.CONVERGED
    platform.clock.now += 601
    platform.rotate(resume=True)
    platform.assert_settled()
    assert platform.file()["API_KEY"] != old


@pytest.mark.parametrize("jump", [-1e9, 1e9])
def test_a_clock_that_jumps_neither_shortens_nor_lengthens_the_grace(platform: FakePlatform, jump: float) -> None:
    platform.grace = 3600
    platform.rotate("API_KEY")
    platform.clock.date += jump
    platform.clock.now += 3000
    assert only(platform).left(platform.clock) == pytest.approx(600, abs=5)
    platform.rotate(resume=True)
    assert only(platform).phase is Phase.CONVERGED
    platform.clock.now += 600
    platform.rotate(resume=True)
    platform.assert_settled()


def test_after_a_new_start_of_the_machine_only_time_counts_that_is_known_to_have_passed(
    platform: FakePlatform,
) -> None:
    platform.grace = 3600
    platform.rotate("API_KEY")
    platform.clock.start, platform.clock.now = "boot-2", 100.0
    assert only(platform).left(platform.clock) == pytest.approx(3500, abs=5)
    platform.clock.now = 3610.0
    platform.rotate(resume=True)
    platform.assert_settled()


def test_a_grace_that_is_waited_for_takes_as_long_as_it_should(platform: FakePlatform) -> None:
    platform.grace = 90
    began = platform.clock.now
    platform.rotate("DB_PASSWORD")

    assert platform.clock.now - began >= 90
    platform.assert_settled()


def test_a_value_that_is_in_use_still_stays_valid(platform: FakePlatform) -> None:
    old = platform.file()["DB_PASSWORD"]
    platform.uses["DB_PASSWORD"] = "3 connections"
    with pytest.raises(OpsError, match="both values stay valid, since the old one is still in use: 3 connections"):
        platform.rotate("DB_PASSWORD")
    assert old in platform.accepted["DB_PASSWORD"]

    platform.uses.clear()
    platform.rotate(resume=True)
    platform.assert_settled()


def test_a_value_that_leaked_is_disabled_although_it_is_in_use(platform: FakePlatform) -> None:
    old = platform.file()["DB_PASSWORD"]
    platform.uses["DB_PASSWORD"] = "3 connections"
    platform.rotate("DB_PASSWORD", force=True)
    assert old not in platform.accepted["DB_PASSWORD"]
    platform.assert_settled()


def test_what_fails_once_the_old_value_goes_is_completed(platform: FakePlatform) -> None:
    old = platform.file()["DB_PASSWORD"]
    real, writes = store.write, []

    def write(path: Path, *arguments: Any, **options: Any) -> None:
        real(path, *arguments, **options)
        if path.name == "record.json" and '"committed": true' in path.read_text("utf-8"):
            writes.append(path)
            if len(writes) == 1:
                raise OpsError("the disk went away")

    with patch.object(store, "write", write), pytest.raises(OpsError, match="the disk went away"):
        platform.rotate("DB_PASSWORD")
    assert only(platform).committed
    with pytest.raises(Refused, match="its old value is being disabled"):
        platform.rotate(rollback=True)
    platform.rotate(resume=True)
    platform.assert_settled()
    assert platform.file()["DB_PASSWORD"] != old


@pytest.mark.parametrize("key", KEYS)
def test_ctrl_c_rolls_back(platform: FakePlatform, key: str) -> None:
    before = platform.file()
    platform.fail_at, platform.failure = 25, lambda: Interrupted(2)
    with pytest.raises(Interrupted):
        platform.rotate(key, member=member(key))

    platform.assert_settled()
    assert platform.file() == before


def test_a_record_that_is_damaged_is_said_and_kept(platform: FakePlatform) -> None:
    platform.die_at = 30
    with pytest.raises(Killed):
        platform.rotate("API_KEY")
    platform.new_process()
    (path,) = (platform.checkout.root / ".optimus" / "rotations").glob("*/record.json")
    path.write_text("{}", "utf-8")
    with pytest.raises(Refused, match="is damaged"):
        platform.rotate(resume=True)
    assert (path.parent / "new").is_file()


def test_nothing_but_the_owner_reads_what_is_kept_and_no_journal_has_a_value(
    platform: FakePlatform, capsys: pytest.CaptureFixture[str]
) -> None:
    platform.grace = LONG
    old = platform.file()
    platform.rotate("API_KEY")
    new = platform.file()["API_KEY"]
    state = platform.checkout.root / ".optimus"

    folders = [state / "rotations", *(state / "rotations").iterdir()]
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}
    kept = [path for path in (state / "rotations").rglob("*") if path.is_file()]
    assert {path.name for path in kept} == {"record.json", "old", "new"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept} == {0o600}
    told = "".join(path.read_text("utf-8") for path in [*(state / "journal").glob("*"), *state.rglob("record.json")])
    assert "prepare-value" in told
    for value in (old["API_KEY"], new):
        assert value not in told + "".join(capsys.readouterr())


def test_the_status_says_what_is_under_way_and_what_is_next(
    platform: FakePlatform, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    platform.grace = LONG
    platform.rotate("API_KEY")
    platform.clock.now += 1
    platform.die_at = platform.moments + 20
    with pytest.raises(Killed):
        platform.rotate("PROVIDER_KEYS", member=2)
    platform.new_process()
    capsys.readouterr()
    records = platform.rotations().records.pending()

    show_status(records, ["API_KEY"], platform.clock, json=False)
    text = " ".join(capsys.readouterr().out.split())
    assert "PROVIDER_KEYS (member 2)" in text
    assert "in grace until 2027" in text
    assert "2 rotations under way; 1 key due: API_KEY" in text
    show_status(records, [], platform.clock, json=True)
    rows = json.loads(capsys.readouterr().out)["rotations"]
    assert [(row["key"], row["member"], row["phase"] == "converged") for row in rows] == [
        ("API_KEY", None, True),
        ("PROVIDER_KEYS", 2, False),
    ]


@pytest.mark.parametrize("ages", [True, False])
def test_the_age_of_a_value_says_that_it_was_rotated(platform: FakePlatform, ages: bool) -> None:
    if ages:
        platform.rotate("DB_PASSWORD")
    rows = {row.key: row for row in platform.rotations().rows()}
    assert (rows["DB_PASSWORD"].origin == "rotated") is ages
    assert (rows["DB_PASSWORD"].rotated is not None) is ages


def test_what_fails_in_the_grace_of_an_earlier_command_leaves_both_values_valid(platform: FakePlatform) -> None:
    platform.grace = 3600
    platform.rotate("DB_PASSWORD")
    new = platform.file()["DB_PASSWORD"]
    platform.clock.now += 3590
    platform.moments, platform.fail_at, platform.failure = 0, 2, lambda: Interrupted(2)
    with pytest.raises(Interrupted):
        platform.rotate(resume=True)
    platform.new_process()

    # Programs outside may have been given the new value meanwhile.
    assert platform.file()["DB_PASSWORD"] == new
    assert new in platform.accepted["DB_PASSWORD"]
    platform.rotate(resume=True)
    platform.assert_settled()


def test_a_value_that_comes_back_is_as_old_as_it_was(platform: FakePlatform) -> None:
    before = {row.key: row.changed for row in platform.rotations().rows()}
    platform.grace = LONG
    platform.rotate("API_KEY")
    platform.rotate(rollback=True)

    row = next(row for row in platform.rotations().rows() if row.key == "API_KEY")
    assert (row.changed, row.origin) == (before["API_KEY"], "generated")
