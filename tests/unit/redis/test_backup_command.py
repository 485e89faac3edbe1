"""`invoke redis.backup` and `invoke redis.restore` on a real server: what is in them, and what a failure leaves."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.unit.redis.process_engine import Container, ProcessEngine, shop

from optimus_ops.change.options import ChangeOptions
from optimus_ops.errors import OpsError, Refused
from optimus_ops.redis.backup import BackupRequest, backup
from optimus_ops.redis.restore import RestoreRequest, restore
from optimus_ops.system.process import CommandFailed

APPEND_ONLY = ("appendonlydir", "appendonly.aof")
"""Since Redis 7, and before."""
REWRITE = "auto-aof-rewrite-percentage"


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ProcessEngine]:
    with shop(tmp_path, monkeypatch) as made:
        yield made


def fill(container: Container, value: str, count: int = 20) -> None:
    with container.client() as client:
        client.flushall()
        for number in range(count):
            client.set(f"key-{number}", value)
        client.set("soon gone", value, ex=600)


def values(container: Container) -> set[str]:
    with container.client() as client:
        return {str(client.get(key)) for key in client.scan_iter()}


def lose_data(container: Container) -> None:
    for name in APPEND_ONLY:
        path = container.folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def setting(container: Container, name: str) -> str:
    with container.client() as client:
        return str(client.config_get(name)[name])


def once(call: str, effect: Callable[[], object] = lambda: None, *, fails: bool = True) -> Callable[[str], bool]:
    """Return what has an effect on the first of such calls to the engine, and refuses it."""
    left = [call]

    def hook(made: str) -> bool:
        if made not in left:
            return False
        left.remove(made)
        effect()
        return fails

    return hook


@pytest.mark.parametrize("snapshot", [False, True])
def test_a_restore_brings_back_what_was_backed_up(engine: ProcessEngine, tmp_path: Path, snapshot: bool) -> None:
    redis = engine.add("redis")
    fill(redis, "old")
    backup(BackupRequest(str(tmp_path / "backup")), ChangeOptions())
    assert setting(redis, REWRITE) == "100"
    assert not (redis.folder / "dump.rdb").exists()
    fill(redis, "new")

    restore(RestoreRequest(str(tmp_path / "backup"), snapshot=snapshot), ChangeOptions())

    assert values(redis) == {"old"}
    [replaced] = redis.folder.glob("replaced-*")
    assert {path.name for path in replaced.iterdir()} & set(APPEND_ONLY)


def test_a_server_without_an_append_only_file_is_restored_from_its_snapshot(
    engine: ProcessEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    redis = engine.add("redis", "appendonly no")
    fill(redis, "old")
    backup(BackupRequest(str(tmp_path / "backup")), ChangeOptions(json=True))
    assert json.loads(capsys.readouterr().out)["state"]["keys"] == 21
    assert [path.name for path in (tmp_path / "backup").glob("*.rdb")] == ["dump.rdb"]
    fill(redis, "new")
    restore(RestoreRequest(str(tmp_path / "backup")), ChangeOptions())
    assert values(redis) == {"old"}


def test_a_backup_waits_for_a_snapshot_that_is_under_way_and_makes_its_own(
    engine: ProcessEngine, tmp_path: Path
) -> None:
    redis = engine.add("redis")
    fill(redis, "old")
    with redis.client() as client:
        client.config_set("rdb-key-save-delay", 50_000)
        client.bgsave()
        client.config_set("rdb-key-save-delay", 0)
        client.set("later", "old")
        backup(BackupRequest(str(tmp_path / "backup")), ChangeOptions())
        client.flushall()
    restore(RestoreRequest(str(tmp_path / "backup"), snapshot=True), ChangeOptions())
    with redis.client() as client:
        assert client.get("later") == "old"


def test_a_server_that_can_not_write_its_snapshot_is_named_with_what_to_look_at(
    engine: ProcessEngine, tmp_path: Path
) -> None:
    redis = engine.add("redis")
    (redis.folder / "dump.rdb").mkdir()
    with pytest.raises(OpsError, match="could not write its snapshot") as failed:
        backup(BackupRequest(str(tmp_path / "backup")), ChangeOptions())
    assert "its log" in str(failed.value.hint)
    assert not (tmp_path / "backup").exists()


def test_a_copy_that_redis_can_not_read_is_no_backup(engine: ProcessEngine, tmp_path: Path) -> None:
    redis = engine.add("redis")
    fill(redis, "old")
    engine.copied = lambda content: content.replace(b"REDIS", b"RADIS")
    with pytest.raises(CommandFailed):
        backup(BackupRequest(str(tmp_path / "backup")), ChangeOptions())
    assert not list(tmp_path.glob("*backup*"))
    assert not (redis.folder / "dump.rdb").exists()
    assert setting(redis, REWRITE) == "100"


def test_a_folder_that_appears_during_the_backup_is_not_written_over(engine: ProcessEngine, tmp_path: Path) -> None:
    engine.add("redis")
    folder = tmp_path / "backup"
    engine.fails = once("read redis", folder.mkdir, fails=False)
    with pytest.raises(OpsError, match="already exists"):
        backup(BackupRequest(str(folder)), ChangeOptions())
    assert not list(folder.iterdir())


def test_a_server_that_does_not_answer_is_not_backed_up(engine: ProcessEngine, tmp_path: Path) -> None:
    redis = engine.add("redis")
    with redis.client() as client:
        client.config_set("requirepass", "word-canary")
    with pytest.raises(Refused, match="redis"):
        backup(BackupRequest(str(tmp_path / "backup"), "redis"), ChangeOptions())


def test_a_server_that_may_not_be_asked_for_its_files_is_not_backed_up(engine: ProcessEngine, tmp_path: Path) -> None:
    redis = engine.add("redis")
    with redis.client() as client:
        client.execute_command("ACL", "SETUSER", "default", "-config")
    with pytest.raises(Refused, match="does not tell of its files"):
        backup(BackupRequest(str(tmp_path / "backup")), ChangeOptions())


def backed_up_and_changed(engine: ProcessEngine, tmp_path: Path) -> tuple[Container, Path]:
    redis, folder = engine.add("redis"), tmp_path / "backup"
    fill(redis, "old")
    backup(BackupRequest(str(folder)), ChangeOptions())
    fill(redis, "new")
    return redis, folder


def test_a_server_that_does_not_start_with_the_backup_has_its_own_data_again(
    engine: ProcessEngine, tmp_path: Path
) -> None:
    redis, folder = backed_up_and_changed(engine, tmp_path)
    engine.fails = once("start redis")
    with pytest.raises(OpsError, match="refused to start redis"):
        restore(RestoreRequest(str(folder)), ChangeOptions())
    assert values(redis) == {"new"}
    assert not list(redis.folder.glob("replaced-*"))
    assert not (redis.folder / "incoming").exists()


def test_a_server_that_comes_up_empty_has_its_own_data_again(engine: ProcessEngine, tmp_path: Path) -> None:
    redis, folder = backed_up_and_changed(engine, tmp_path)
    engine.fails = once("start redis", lambda: lose_data(redis), fails=False)
    with pytest.raises(OpsError, match="redis is empty, the backup had 20 keys"):
        restore(RestoreRequest(str(folder)), ChangeOptions())
    assert values(redis) == {"new"}


def test_a_backup_that_arrives_changed_stops_nothing(engine: ProcessEngine, tmp_path: Path) -> None:
    redis, folder = backed_up_and_changed(engine, tmp_path)
    engine.calls.clear()
    engine.told = lambda output: output.replace("a", "b")
    with pytest.raises(OpsError, match="did not arrive as it was sent"):
        restore(RestoreRequest(str(folder)), ChangeOptions())
    assert "stop redis" not in engine.calls
    assert values(redis) == {"new"}


def test_a_restore_says_what_it_lacks(engine: ProcessEngine, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="which backup"):
        restore(RestoreRequest(""), ChangeOptions())
    _redis, folder = backed_up_and_changed(engine, tmp_path)
    engine.containers.clear()
    with pytest.raises(Refused, match="no Redis") as refused:
        restore(RestoreRequest(str(folder)), ChangeOptions())
    assert "invoke up" in str(refused.value.hint)
