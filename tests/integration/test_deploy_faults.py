"""What goes wrong while a version is deployed: what was serving goes on serving, and what was lost is said here.

Nothing is lost where nothing is said. docs/faults.md is the table of these tests.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import docker
import pytest
from tests.integration.derived import ANSWERS_500, ENDS_AFTER_10_S, HOOK, NEVER_LISTENS, Images
from tests.integration.engine_proxy import EngineProxy
from tests.integration.load import CLIENTS, Load, balancer_log
from tests.integration.platform import INJECTED, ROOT, Platform, Ran

pytestmark = pytest.mark.integration

FIRST_OFFER = '"/v1/chat/completions"'


def running(platform: Platform) -> dict[str, str]:
    """Return name -> id of the containers that run; of the ended ones only the migrations job may come and go."""
    states = {name: state for name, state in platform.states().items() if "-migrations-" not in name}
    assert {state for _id, state in states.values()} == {"running"}, states
    return {name: identity for name, (identity, _state) in states.items()}


def pins(platform: Platform) -> str:
    path = platform.folder / "state" / "pins" / f"{platform.project}.yml"
    return path.read_text() if path.is_file() else ""


def address(platform: Platform, container: str) -> str:
    """Return the address under which the balancer knows a container."""
    networks = docker.from_env().containers.get(container).attrs["NetworkSettings"]["Networks"]
    return f"{networks[f'{platform.project}_optimus']['IPAddress']}:8010"


@pytest.fixture
def settled(rolling: Platform, images: Images) -> Platform:
    """Return the stack with one replica of ai-engine, of a version that works, and nothing left of earlier tests."""
    states = [state for name, (_id, state) in rolling.states().items() if name in rolling.replicas("ai-engine")]
    if states != ["running"]:
        rolling.invoke("scale", "--ai-engine", "1").check()
    assert images.running(rolling)[0] in {"v1", "v2"}
    return rolling


def refused_or_undone(platform: Platform, code: int, *words: str, **environ: str) -> tuple[Ran, Load]:
    """Deploy what can't go well, under load; see that everything is as before, and return what was said and lost."""
    before, pinned = running(platform), pins(platform)
    with Load(platform) as load:
        ran = platform.invoke("deploy", *words, **environ)
        lost = len(load.failures)
        load.go_on(20)
    assert ran.code == code, ran.text
    assert "Traceback" not in ran.text
    assert (running(platform), pins(platform)) == (before, pinned)
    # Whatever was lost was lost before the end: it was undone for good.
    assert len(load.failures) == lost, load.failures[lost:]
    return ran, load


def test_a_version_that_never_gets_healthy_is_undone(settled: Platform, images: Images) -> None:
    images.make("ai-engine", "mute", {HOOK: NEVER_LISTENS})
    ran, load = refused_or_undone(settled, 1, "ai-engine", "--image", "mute", "--healthy-within", "8", "--observe", "1")
    load.assert_nothing_lost()
    assert "not healthy after 8 s" in ran.err
    assert "still loading" in ran.err
    # The balancer tried it: nobody listens there, so each request was taken elsewhere.
    log = balancer_log(settled)
    taken = [log[answer.name] for answer in load.answers if "," in log[answer.name]["upstream"]]
    assert {line["status"] for line in taken} == {200}


@pytest.mark.faults
def test_a_version_that_ends_after_10_s_is_undone(settled: Platform, images: Images) -> None:
    """Lost: what the new replica had in hand."""
    images.make("ai-engine", "ends", {HOOK: ENDS_AFTER_10_S})
    old = address(settled, *settled.replicas("ai-engine").values())
    ran, load = refused_or_undone(settled, 1, "ai-engine", "--image", "ends", "--observe", "15")
    assert "ended and was started again" in ran.err or "ended with" in ran.err
    assert len(load.failures) <= CLIENTS
    assert_lost_at_others(settled, load, old)


def test_a_version_that_answers_500_is_undone(settled: Platform, images: Images) -> None:
    """Lost: the requests that the new replica answered until that was plain; it is asked nothing after the undo."""
    images.make("ai-engine", "answers-500", {HOOK: ANSWERS_500})
    old = address(settled, *settled.replicas("ai-engine").values())
    ran, load = refused_or_undone(settled, 1, "ai-engine", "--image", "answers-500", "--observe", "15")
    assert "x 500" in ran.err
    assert {failure.outcome for failure in load.failures} == {"500"}
    broken_at = min(failure.started for failure in load.failures)
    assert any(answer.started > broken_at for answer in load.answers)
    assert_lost_at_others(settled, load, old)


def assert_lost_at_others(platform: Platform, load: Load, old: str) -> None:
    """See that no request was lost at the replica that was there before."""
    log = balancer_log(platform)
    lost = [log[failure.name]["upstream"] for failure in load.failures]
    assert lost
    assert not [upstream for upstream in lost if upstream.endswith(old)]


def test_a_migration_that_fails_changes_nothing(settled: Platform, images: Images) -> None:
    images.make_migration("fails", ("SELECT 1 / (SELECT 0)",))
    ran, load = refused_or_undone(settled, 1, "memory-engine", "--image", "fails", "--observe", "1")
    load.assert_nothing_lost()
    assert "division by zero" in ran.err
    assert "migrations ended with 1" in ran.err
    assert revision(settled) == "0001"


@pytest.mark.faults
def test_a_migration_that_hangs_is_ended_and_lets_go_of_the_database(settled: Platform, images: Images) -> None:
    images.make_migration("hangs", ("SELECT pg_sleep(600)",))
    ran, load = refused_or_undone(
        settled, 1, "memory-engine", "--image", "hangs", "--migrate-within", "5", "--observe", "1"
    )
    load.assert_nothing_lost()
    assert "did not end within 5 s" in ran.err
    assert sql(settled, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == "0"
    assert (
        sql(settled, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()")
        == "0"
    )
    assert revision(settled) == "0001"


def test_a_migration_that_takes_away_what_is_used_is_refused(settled: Platform, images: Images) -> None:
    images.make_migration("drops", ("ALTER TABLE memory.memories DROP COLUMN metadata",))
    ran, load = refused_or_undone(settled, 2, "memory-engine", "--image", "drops", "--observe", "1")
    load.assert_nothing_lost()
    assert "DROP COLUMN metadata" in ran.err
    assert revision(settled) == "0001"


def test_a_migration_is_taken_back_where_the_version_fails_after_it(settled: Platform, images: Images) -> None:
    up, down = "ALTER TABLE memory.memories ADD COLUMN note text", "ALTER TABLE memory.memories DROP COLUMN note"
    images.make_migration("adds", (up,), (down,), NEVER_LISTENS)
    words = ["memory-engine", "--image", "adds", "--healthy-within", "6", "--observe", "1"]
    ran, load = refused_or_undone(settled, 1, *words)
    load.assert_nothing_lost()
    assert "run migrations" in ran.out
    [change] = settled.invoke("history", "--last", "1", "--json").check().json["changes"]
    assert "reverted it_adds" in "".join(change["undone"])
    assert revision(settled) == "0001"
    columns = "SELECT count(*) FROM information_schema.columns WHERE table_name = 'memories' AND column_name = 'note'"
    assert sql(settled, columns) == "0"


def sql(platform: Platform, statement: str) -> str:
    ran = platform.compose("exec", "-T", "postgres", "psql", "-U", "optimus", "-d", "optimus", "-Atc", statement)
    return ran.check().out.strip()


def revision(platform: Platform) -> str:
    return sql(platform, "SELECT version_num FROM memory_schema_version")


def test_a_version_that_breaks_what_a_consumer_uses_is_refused(settled: Platform, images: Images) -> None:
    offer = (ROOT / "services" / "ai-engine" / "contract" / "offers.json").read_text()
    assert FIRST_OFFER in offer
    other = offer.replace(FIRST_OFFER, '"/v2/chat/completions"')
    images.make("ai-engine", "breaks", {"opt/optimus/contract/offers.json": other})
    ran, load = refused_or_undone(settled, 2, "ai-engine", "--image", "breaks", "--observe", "1")
    load.assert_nothing_lost()
    assert "/v1/chat/completions" in ran.err
    assert "orchestrator-worker" in ran.err or "backend-orchestrator" in ran.err


@pytest.mark.faults
def test_an_engine_that_goes_away_and_comes_back_leaves_the_old_version(settled: Platform, images: Images) -> None:
    before, pinned = running(settled), pins(settled)
    with Load(settled) as load, EngineProxy(settled.folder / "engine.sock") as proxy:
        words = ["deploy", "ai-engine", *images.wanted(images.another(settled)), "--observe", "5"]
        process = settled.start(*words, DOCKER_HOST=proxy.docker_host)
        assert process.stdout is not None
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line)
            if "… observe" in line:
                proxy.cut()
            if "waiting for the Docker engine" in line:
                break
        proxy.restore()
        rest, _ = process.communicate(timeout=300)
    said = "".join(lines) + rest
    assert process.returncode in {1, 3}, said
    assert "Docker engine stopped answering" in said
    assert "Traceback" not in said
    assert (running(settled), pins(settled)) == (before, pinned), said
    load.assert_nothing_lost()


@pytest.mark.faults
def test_a_replica_that_is_killed_while_it_drains_is_reported(settled: Platform, images: Images) -> None:
    """Lost: what it had in hand."""
    tag = images.another(settled)
    [(name, victim)] = settled.replicas("ai-engine").items()
    old = address(settled, victim)
    with Load(settled) as load:
        process = settled.start("deploy", "ai-engine", *images.wanted(tag), "--observe", "1")
        assert process.stdout is not None
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line)
            if "… drain and stop" in line:
                docker.from_env().containers.get(victim).kill()
                break
        rest, _ = process.communicate(timeout=300)
        load.go_on(20)
    said = "".join(lines) + rest
    assert process.returncode == 1, said
    assert f"{name} was killed after" in said
    assert images.running(settled) == [tag]
    assert len(load.failures) <= CLIENTS
    log = balancer_log(settled)
    assert {log[failure.name]["upstream"] for failure in load.failures} <= {old}


@pytest.mark.faults
def test_a_replica_that_does_not_drain_in_time_is_killed_and_reported(settled: Platform, images: Images) -> None:
    """Lost: the one request that would have lasted longer."""
    [name] = settled.replicas("ai-engine")
    tag = images.another(settled)
    with ThreadPoolExecutor(1) as pool, Load(settled) as load:
        endless = pool.submit(settled.chat, "embedded/100000")
        ran = settled.invoke("deploy", "ai-engine", *images.wanted(tag), "--observe", "1", STOP_GRACE_PERIOD="6s")
        status, _headers, _body = endless.result()
    load.assert_nothing_lost()
    assert status == 502
    assert ran.code == 1, ran.text
    assert f"{name} did not drain within 6 s and was killed" in ran.text
    assert images.running(settled) == [tag]


@pytest.mark.faults
def test_a_disk_that_is_full_while_building_touches_nothing(settled: Platform, images: Images) -> None:
    dockerfile = settled.root / "services" / "Dockerfile"
    text = dockerfile.read_text()
    dockerfile.write_text(f"{text}\nRUN dd if=/dev/zero of=/dev/shm/full bs=1M count=100\n")
    try:
        ran, load = refused_or_undone(
            settled, 1, "ai-engine", "--observe", "1", AI_ENGINE_IMAGE=images.name("ai-engine", "unbuilt")
        )
    finally:
        dockerfile.write_text(text)
    load.assert_nothing_lost()
    assert "no space is left on the disk" in ran.err
    assert docker.from_env().images.list(images.name("ai-engine", "unbuilt")) == []


def test_of_two_operators_the_second_is_refused_or_waits(settled: Platform, images: Images) -> None:
    tag = images.another(settled)
    words = ["deploy", "ai-engine", *images.wanted(tag), "--observe", "2"]
    with Load(settled) as load:
        first = settled.start(*words)
        assert first.stdout is not None
        first.stdout.readline()
        refused = settled.invoke(*words)
        waited = settled.invoke(*words, "--lock-wait", "120", "--json")
        said, _ = first.communicate(timeout=300)
    load.assert_nothing_lost()
    assert first.returncode == 0, said
    assert refused.code == 2, refused.text
    assert f"process {first.pid}" in refused.err
    assert "invoke deploy ai-engine" in refused.err
    assert waited.check().json["result"] == "nothing to do"
    assert "waiting for" in waited.err
    assert images.running(settled) == [tag]


@pytest.mark.faults
def test_a_clock_that_jumps_by_a_day_changes_nothing(settled: Platform, images: Images) -> None:
    tag = images.another(settled)
    path = os.pathsep.join([str(INJECTED), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    words = ["deploy", "ai-engine", *images.wanted(tag), "--observe", "1"]
    with Load(settled) as load:
        settled.invoke_anew(*words, INJECT_CLOCK="1", PYTHONPATH=path).check()
    load.assert_nothing_lost()
    assert images.running(settled) == [tag]
    history = settled.invoke("history", "--last", "1", "--json").check().json
    assert history["changes"][0]["outcome"] == "done"
    assert 0 < history["changes"][0]["seconds"] < 3600
