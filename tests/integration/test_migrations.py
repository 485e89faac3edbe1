"""Migrations of a live database, asked of the job on newer images: revision, what is pending, back; nothing stays."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from tests.e2e.newer_memory import write_steps
from tests.integration.platform import ROOT, Platform, local_image, remove_everything
from tests.support.leftovers import NAME

from optimus_ops.engine.docker_compose import DockerCompose
from optimus_ops.engine.pins import Pins
from optimus_ops.errors import OpsError, Refused
from optimus_ops.migrations.job import HOOK_LABEL, JobFailed, downgrade, pending_sql, revision
from optimus_ops.migrations.lint import check_pending
from optimus_ops.project.settings import load_project

pytestmark = pytest.mark.integration

BASE = local_image("memory-engine")
NOTE = (
    'op.execute("ALTER TABLE memory.memories ADD COLUMN note text")',
    'op.execute("ALTER TABLE memory.memories DROP COLUMN note")',
)
DROP = ('op.execute("ALTER TABLE memory.memories DROP COLUMN space")', "pass")
HANG = ('op.execute("CREATE TABLE memory.half ()")\nop.execute("SELECT pg_sleep(250)")', "pass")
VERSIONS = {"now": (), "note": (NOTE,), "drop": (NOTE, DROP), "hang": (NOTE, HANG)}
RECIPE = f"FROM {BASE}\nCOPY versions /opt/app/memory_engine/migrations/versions/\nLABEL it.version="


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Return name -> image of this version of memory-engine and of some newer ones."""
    engine = docker.from_env()
    made = {}
    for name, steps in VERSIONS.items():
        folder = tmp_path_factory.mktemp(name)
        (folder / "versions").mkdir()
        write_steps(folder / "versions", *steps)
        (folder / "Dockerfile").write_text(f"{RECIPE}{name}\n")
        made[name] = f"{NAME}/migrations:{name}"
        engine.images.build(path=str(folder), tag=made[name], rm=True)
    yield made
    for image in made.values():
        engine.images.remove(image, force=True)


@pytest.fixture(scope="module")
def database(checkout: Path, images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Return a project that has a migrated database, and nothing else runs."""
    made = Platform.fresh(tmp_path_factory.mktemp("platform"), "migrations", checkout)
    try:
        made.invoke("migrate", MEMORY_ENGINE_IMAGE=images["now"]).check()
        yield made
    finally:
        remove_everything(made.project)


def compose(platform: Platform, image: str, monkeypatch: pytest.MonkeyPatch) -> DockerCompose:
    """Return the project's files, with the migrations job on an image."""
    for name, value in platform.environ.items():
        monkeypatch.setenv(name, value)
    project = load_project(ROOT)
    return DockerCompose(project, project.files(), Pins().with_images({"migrations": image}))


@pytest.fixture
def put_back(database: Platform, images: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take the database back to where the other tests expect it."""
    yield
    newest = compose(database, images["hang"], monkeypatch)
    downgrade(newest, newest.stack(), "0001")


def hooks(platform: Platform) -> list[str]:
    listed = docker.from_env().api.containers(all=True, filters={"label": f"{HOOK_LABEL}=true"})
    return [name for container in listed for name in container["Names"] if platform.project in name]


@pytest.mark.usefixtures("put_back")
def test_a_newer_image_tells_what_is_pending_is_run_and_taken_back(
    database: Platform, images: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = compose(database, images["note"], monkeypatch)
    stack = newer.stack()
    assert revision(newer, stack) == "0001"
    assert "ADD COLUMN note" in str(pending_sql(newer, stack))
    assert "only adds" in check_pending(newer, stack, allow_contract=False)
    database.invoke("migrate", MEMORY_ENGINE_IMAGE=images["note"]).check()
    assert revision(newer, stack) == "0002"
    assert pending_sql(newer, stack) == ""
    assert any("reverted 0002" in line for line in downgrade(newer, stack, "0001"))
    assert revision(newer, stack) == "0001"
    assert hooks(database) == []


def test_a_column_that_the_running_version_uses_is_not_dropped(
    database: Platform, images: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = compose(database, images["drop"], monkeypatch)
    with pytest.raises(Refused, match="DROP COLUMN space"):
        check_pending(newer, newer.stack(), allow_contract=False)
    assert "allowed" in check_pending(newer, newer.stack(), allow_contract=True)
    assert revision(newer, newer.stack()) == "0001"


@pytest.mark.usefixtures("put_back")
def test_the_previous_image_runs_on_the_newer_schema(
    database: Platform, images: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    database.invoke("migrate", MEMORY_ENGINE_IMAGE=images["note"]).check()
    ran = database.invoke("migrate", MEMORY_ENGINE_IMAGE=images["now"]).check()
    assert "0002" in ran.text
    older = compose(database, images["now"], monkeypatch)
    with pytest.raises(JobFailed, match="0002"):
        downgrade(older, older.stack(), "0001")
    assert hooks(database) == []


@pytest.mark.usefixtures("put_back")
def test_a_hanging_job_that_is_removed_lets_go_of_the_database(
    database: Platform, images: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging = compose(database, images["hang"], monkeypatch)
    operator = database.having(MEMORY_ENGINE_IMAGE=images["hang"])
    assert operator.interrupted("applied 0002", signal.SIGKILL, "migrate").code == -signal.SIGKILL
    docker.from_env().api.remove_container(f"{database.project}-migrations-1", force=True)
    assert revision(hanging, hanging.stack()) == "0002"


def test_a_job_that_does_not_answer_in_time_leaves_no_container(
    database: Platform, images: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = compose(database, images["note"], monkeypatch)
    with pytest.raises(OpsError, match="did not tell"):
        revision(newer, newer.stack(), deadline=0.5)
    assert hooks(database) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_no_container(
    database: Platform, images: dict[str, str], monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    compose(database, images["note"], monkeypatch)
    program = [sys.executable, "-m", __name__, images["note"]]
    asking = subprocess.Popen(program, cwd=ROOT, stderr=subprocess.DEVNULL)
    while not hooks(database):
        assert asking.poll() is None
        time.sleep(0.01)
    asking.send_signal(number)
    assert asking.wait(timeout=60) != 0
    assert hooks(database) == []


def ask_for_ever(image: str) -> None:
    """Ask for the revision again and again; SIGTERM is what Ctrl-C is, as in every task."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    project = load_project(ROOT)
    files = DockerCompose(project, project.files(), Pins().with_images({"migrations": image}))
    stack = files.stack()
    while True:
        revision(files, stack)


if __name__ == "__main__":
    ask_for_ever(sys.argv[1])
