"""Secrets that change while a process runs."""

import asyncio
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimus_kit.background import background
from optimus_kit.secret_watcher import GONE_SECONDS, SecretWatcher
from optimus_kit.secrets import MissingSecret, SecretFolder
from optimus_kit.secrets_in_use import KEY, SecretsInUse, fingerprint, processes


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Secrets:
    """A folder of secrets, a watcher of it, and the time."""

    path: Path
    clock: Clock
    watcher: SecretWatcher

    def put(self, name: str, value: str) -> None:
        """As they are projected: a new file takes the place of the old."""
        fresh = self.path / f".{name}.new"
        fresh.write_text(value)
        fresh.replace(self.path / name)

    def later(self, seconds: float = 1.0) -> None:
        self.clock.now += seconds

    def in_use(self) -> dict[str, str]:
        """The fingerprints that this process reports."""
        reported = [entry["secrets"] for entry in processes(self.path.parent / "in-use")]
        assert len(reported) == 1
        assert isinstance(reported[0], dict)
        return reported[0]


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / KEY).write_text("key")
    (folder / "TOKEN").write_text("old")
    clock = Clock()
    return Secrets(folder, clock, SecretWatcher(SecretFolder(folder), SecretsInUse(tmp_path / "in-use"), clock))


def test_a_changed_value_is_used_and_reported_within_a_second(secrets: Secrets) -> None:
    before = secrets.watcher.version
    secrets.put("TOKEN", "new")
    assert secrets.watcher.get("TOKEN") == "old"
    assert secrets.in_use() == {"TOKEN": fingerprint("key", "TOKEN", "old")}
    secrets.later()
    assert secrets.watcher.get("TOKEN") == "new"
    assert secrets.in_use() == {"TOKEN": fingerprint("key", "TOKEN", "new")}
    assert secrets.watcher.version > before


def test_a_value_edited_in_place_with_its_time_put_back_is_read_as_well(secrets: Secrets) -> None:
    file = secrets.path / "TOKEN"
    times = file.stat()
    file.write_text("abc")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    secrets.later()
    assert secrets.watcher.get("TOKEN") == "abc"


def test_what_has_not_changed_keeps_its_version(secrets: Secrets) -> None:
    before = secrets.watcher.version
    secrets.put("TOKEN", "old")
    for _ in range(3):
        secrets.later()
        assert secrets.watcher.get("TOKEN") == "old"
    assert secrets.watcher.version == before


def test_the_second_value_is_valid_as_well_while_it_is_there(secrets: Secrets) -> None:
    assert secrets.watcher.valid("TOKEN") == ("old",)
    secrets.put("TOKEN_SECONDARY", "new")
    secrets.later()
    assert secrets.watcher.valid("TOKEN") == ("old", "new")
    assert set(secrets.in_use()) == {"TOKEN", "TOKEN_SECONDARY"}
    secrets.put("TOKEN_SECONDARY", "old\nnew\n")
    secrets.later()
    assert secrets.watcher.valid("TOKEN") == ("old", "new")
    (secrets.path / "TOKEN_SECONDARY").unlink()
    for _ in range(5):
        secrets.later()
        secrets.watcher.refresh()
    assert secrets.watcher.valid("TOKEN") == ("old",)
    assert set(secrets.in_use()) == {"TOKEN"}
    assert secrets.watcher.valid("OTHER") == ()


@pytest.mark.parametrize("how", ["missing", "empty"])
def test_a_file_that_is_away_for_a_moment_keeps_its_value(secrets: Secrets, how: str) -> None:
    for _ in range(2):
        (secrets.path / "TOKEN").unlink()
        if how == "empty":
            secrets.put("TOKEN", "")
        secrets.later()
        assert secrets.watcher.get("TOKEN") == "old"
        secrets.later(GONE_SECONDS - 0.5)
        assert secrets.watcher.get("TOKEN") == "old"
        secrets.put("TOKEN", "old")
        secrets.later()
        assert secrets.watcher.get("TOKEN") == "old"
    (secrets.path / "TOKEN").unlink()
    secrets.later()
    secrets.watcher.refresh()
    secrets.later(GONE_SECONDS)
    assert secrets.watcher.get("TOKEN") is None
    assert secrets.in_use() == {}
    secrets.put("TOKEN", "again")
    secrets.later()
    assert secrets.watcher.get("TOKEN") == "again"


def test_a_folder_that_is_away_keeps_all_values(secrets: Secrets) -> None:
    away = secrets.path.rename(secrets.path.parent / "away")
    for _ in range(10):
        secrets.later()
        assert secrets.watcher.get("TOKEN") == "old"
    assert secrets.watcher.problem == f"folder {secrets.path} is not there"
    away.rename(secrets.path)
    secrets.later()
    secrets.watcher.refresh()
    assert secrets.watcher.problem is None


def test_a_value_that_cannot_be_read_stays_and_is_named_once(
    secrets: Secrets, caplog: pytest.LogCaptureFixture
) -> None:
    (secrets.path / "TOKEN").write_bytes(b"\xff\xfe")
    secrets.put("OTHER", "canary-value")
    for _ in range(5):
        secrets.later()
        assert secrets.watcher.get("TOKEN") == "old"
    assert secrets.watcher.get("OTHER") == "canary-value"
    assert secrets.watcher.problem == f"secret file {secrets.path / 'TOKEN'} cannot be read (UnicodeDecodeError)"
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    secrets.put("TOKEN", "new")
    secrets.later()
    assert secrets.watcher.get("TOKEN") == "new"
    assert secrets.watcher.problem is None


def test_no_value_is_in_the_log(secrets: Secrets, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secrets.put("TOKEN", "canary-value")
    secrets.later()
    assert secrets.watcher.get("TOKEN") == "canary-value"
    assert "secrets changed: TOKEN" in caplog.text
    assert "canary" not in caplog.text + repr(secrets.watcher)


def test_what_cannot_be_read_at_the_start_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "TOKEN").write_bytes(b"\xff")
    with pytest.raises(MissingSecret, match="TOKEN cannot be read"):
        SecretWatcher(SecretFolder(tmp_path))


def test_a_folder_that_does_not_exist_holds_no_secrets(tmp_path: Path) -> None:
    watcher = SecretWatcher(SecretFolder(tmp_path / "none"))
    assert (watcher.get("TOKEN"), watcher.problem) == (None, None)


def test_a_process_has_reported_itself_before_it_reads_a_secret(tmp_path: Path) -> None:
    """Else whoever asks in between would hold it for one that doesn't exist, and the old value for unused."""
    (tmp_path / KEY).write_text("key")
    (tmp_path / "TOKEN").write_text("old")
    steps: list[str] = []

    class Folder(SecretFolder):
        def get(self, name: str) -> str | None:
            steps.append(f"read {name}")
            return super().get(name)

    class InUse(SecretsInUse):
        def report(self, secrets: Mapping[str, str]) -> None:
            steps.append(f"report {sorted(secrets)}")

    SecretWatcher(Folder(tmp_path), InUse())
    assert steps[:2] == [f"read {KEY}", f"report ['{KEY}']"]
    assert steps[-1] == f"report ['{KEY}', 'TOKEN']"


def test_a_report_that_failed_is_named_once_and_made_again(secrets: Secrets, caplog: pytest.LogCaptureFixture) -> None:
    folder = secrets.path.parent / "in-use"
    folder.chmod(0o755)
    secrets.put("TOKEN", "new")
    secrets.later()
    assert secrets.watcher.get("TOKEN") == "new"
    secrets.later()
    secrets.watcher.refresh()
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "fingerprints of secrets can't be written: PermissionError"
    ]
    folder.chmod(0o700)
    secrets.later()
    secrets.watcher.refresh()
    assert secrets.in_use() == {"TOKEN": fingerprint("key", "TOKEN", "new")}


def test_what_is_changed_over_to_later_is_reported_by_whoever_does_it(secrets: Secrets) -> None:
    secrets.watcher.uses("TOKEN", None)
    assert secrets.in_use() == {}
    secrets.watcher.uses("TOKEN", "old")
    secrets.put("TOKEN", "new")
    secrets.put("OTHER", "x")
    secrets.later()
    assert secrets.watcher.get("TOKEN") == "new"
    other = {"OTHER": fingerprint("key", "OTHER", "x")}
    assert secrets.in_use() == {"TOKEN": fingerprint("key", "TOKEN", "old")} | other
    secrets.watcher.uses("TOKEN", "new")
    assert secrets.in_use() == {"TOKEN": fingerprint("key", "TOKEN", "new")} | other


def test_another_fingerprint_key_changes_all_fingerprints(secrets: Secrets) -> None:
    secrets.put(KEY, "another")
    secrets.later()
    secrets.watcher.refresh()
    assert secrets.in_use() == {"TOKEN": fingerprint("another", "TOKEN", "old")}


async def test_an_idle_process_reads_and_reports_as_well(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / KEY).write_text("key")
    reported = asyncio.Event()

    class InUse(SecretsInUse):
        def report(self, secrets: Mapping[str, str]) -> None:
            if "TOKEN" in secrets:
                reported.set()

    async with background(SecretWatcher(SecretFolder(folder), InUse()).keep_looking()):
        (folder / "TOKEN").write_text("new")
        async with asyncio.timeout(60):
            await reported.wait()


OPERATIONS = st.sampled_from(["write", "remove", "empty", "garble", "look", "wait"])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(OPERATIONS, st.sampled_from(["v1", "v2", "v3"])), max_size=40))
def test_whatever_happens_to_a_file_the_last_good_value_stays_until_it_is_gone_for_long(
    steps: list[tuple[str, str]],
) -> None:
    with TemporaryDirectory() as folder:
        file, clock = Path(folder) / "TOKEN", Clock()
        file.write_text("v0")
        watcher = SecretWatcher(SecretFolder(Path(folder)), clock=clock)
        expected: str | None = "v0"
        missing_since: float | None = None
        content: str | None = "v0"
        for step, value in steps:
            match step:
                case "write":
                    content = value
                    file.write_text(value)
                case "remove":
                    content = None
                    file.unlink(missing_ok=True)
                case "empty":
                    content = None
                    file.write_text("\n")
                case "garble":
                    content = "garbled"
                    file.write_bytes(b"\xff")
                case "look" | "wait":
                    clock.now += 1 if step == "look" else GONE_SECONDS
                    if content is None:
                        missing_since = clock.now if missing_since is None else missing_since
                        if clock.now - missing_since >= GONE_SECONDS:
                            expected = None
                    elif content != "garbled":
                        expected, missing_since = content, None
                    assert watcher.get("TOKEN") == expected
                    assert (watcher.problem is not None) == (content == "garbled")
