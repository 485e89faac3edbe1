"""Keys of providers as their secrets hold them now: what no header can hold is never sent."""

import logging
from pathlib import Path

import pytest

from ai_engine.providers.provider_set import PoolKeys
from optimus_kit.secret_watcher import LOOK_SECONDS, SecretWatcher
from optimus_kit.secrets import SecretFolder
from optimus_kit.settings import SettingsError

NAME = "FAKE_API_KEYS"


class Clock:
    """Seconds that pass when a test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def watched(folder: Path, text: str) -> tuple[SecretWatcher, Clock]:
    (folder / NAME).write_text(text)
    clock = Clock()
    return SecretWatcher(SecretFolder(folder), clock=clock), clock


@pytest.mark.parametrize("key", ["schlüssel", "with\x07bell"])
def test_a_service_does_not_start_with_a_key_that_no_header_can_hold(tmp_path: Path, key: str) -> None:
    secrets, _clock = watched(tmp_path, f"sk-good,{key}")
    with pytest.raises(SettingsError, match=f"secret {NAME}: key 2 has a character") as raised:
        PoolKeys(secrets, NAME)
    assert key not in str(raised.value)


def test_such_a_key_is_left_out_where_it_comes_later(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    secrets, clock = watched(tmp_path, "sk-one")
    keys = PoolKeys(secrets, NAME)
    (tmp_path / NAME).write_text("sk-two,schlüssel")
    clock.now += 2 * LOOK_SECONDS
    with caplog.at_level(logging.ERROR):
        assert keys() == ("sk-two",)
    assert NAME in caplog.text
    assert "schlüssel" not in caplog.text


def test_keys_are_the_same_object_until_they_change(tmp_path: Path) -> None:
    secrets, clock = watched(tmp_path, "sk-one")
    keys = PoolKeys(secrets, NAME)
    before = keys()
    clock.now += 2 * LOOK_SECONDS
    assert keys() is before
    (tmp_path / NAME).write_text("sk-one,sk-two")
    clock.now += 2 * LOOK_SECONDS
    assert keys() == ("sk-one", "sk-two")
