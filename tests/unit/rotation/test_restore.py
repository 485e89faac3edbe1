"""What backups and versions may bring back of keys that were rotated, or are being rotated."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fakes.faults import Killed
from tests.fakes.rotation import KEYS, FakePlatform
from tests.fakes.shop import memory_folder

from optimus_ops.change.options import ChangeOptions
from optimus_ops.errors import Refused
from optimus_ops.project.settings import load_project
from optimus_ops.secrets.backup.commands import RestoreRequest, restore
from optimus_ops.secrets.paths import SecretsPaths
from optimus_ops.secrets.snapshot import Snapshot


@pytest.fixture
def platform() -> Iterator[FakePlatform]:
    with memory_folder() as folder:
        yield FakePlatform.open(folder)


def versions(platform: FakePlatform) -> list[Snapshot]:
    kept = SecretsPaths.of(load_project(platform.checkout.root)).versions
    assert kept is not None
    return [version.snapshot for version in kept.listed(".env.secrets") if version.snapshot]


def restore_version(platform: FakePlatform, source: str | Path) -> None:
    restore(RestoreRequest(str(source), yes=True), ChangeOptions(), platform.checkout.root)


@pytest.mark.parametrize("key", KEYS)
def test_a_rotation_is_one_change_and_what_it_took_away_does_not_come_back(platform: FakePlatform, key: str) -> None:
    before = platform.file()
    kept = len(versions(platform))
    platform.rotate(key, member=1 if key == "PROVIDER_KEYS" else 0)

    (version,) = versions(platform)[kept:]
    assert version.task.startswith("secrets.rotate rot-")
    assert version.changes == {key: "changed"}
    assert {name: value.reveal() for name, value in version.document.values.items()} == before
    after = platform.file()
    with pytest.raises(Refused, match=f"rotated away, and that nothing accepts: {key}"):
        restore_version(platform, "@latest")
    assert platform.file() == after


@pytest.mark.parametrize("key", KEYS)
def test_nothing_is_restored_amid_a_rotation_and_what_was_there_after_it_was_rolled_back(key: str) -> None:
    for number in range(1, 400):
        with memory_folder() as folder:
            platform = FakePlatform.open(folder)
            before = platform.file()
            platform.die_at = number
            with pytest.raises(Killed):
                platform.rotate(key, member=1 if key == "PROVIDER_KEYS" else 0)
            platform.new_process()
            if platform.file() == before:
                continue
            with pytest.raises(Refused, match=f"a rotation is under way: {key}"):
                restore_version(platform, "@latest")
            platform.rotate(rollback=True)
            restore_version(platform, "@latest")
            assert platform.file() == before
            return
    pytest.fail("the rotation never wrote the file")
