"""When a node runs without sentinels."""

from __future__ import annotations

import pytest
from tests.unit.redis_scripts.machine import ME, OTHER, THIRD, Machine


def note(machine: Machine, name: str, master: str, epoch: int) -> None:
    folder = machine.folder / "notes" / name
    folder.mkdir()
    (folder / "first-master").write_text(f"{ME}\n")
    (folder / "sentinel.conf").write_text(
        f"sentinel monitor mymaster {master} 6379 2\nsentinel config-epoch mymaster {epoch}\n"
    )


def test_where_there_never_were_sentinels_a_node_runs_alone(machine: Machine) -> None:
    done = machine.run("alone.sh", "state.conf", "--maxmemory", "1mb")
    assert done.out.split()[:4] == ["redis-server", "/etc/optimus/redis/state.conf", "--maxmemory", "1mb"]
    assert (machine.data / "alone").exists()


@pytest.mark.parametrize(("master", "starts"), [(ME, True), (OTHER, False)])
def test_a_node_runs_alone_only_if_it_was_master_last(machine: Machine, master: str, starts: bool) -> None:
    note(machine, "one", OTHER if master == ME else ME, 9)
    note(machine, "two", master, 10)
    note(machine, "three", THIRD, 2)
    done = machine.run("alone.sh", "state.conf")
    assert (done.code == 0, "redis-server" in done.out) == (starts, starts)
    assert ("refused: after a fail-over the newest data is with" in done.err) is not starts
    assert (machine.data / "alone").exists() is starts


def test_a_node_that_ran_alone_goes_on_whatever_the_sentinels_did_meanwhile(machine: Machine) -> None:
    (machine.data / "alone").touch()
    note(machine, "one", OTHER, 10)
    assert machine.run("alone.sh", "state.conf").code == 0


def test_a_node_that_runs_alone_is_no_replica_any_more(machine: Machine) -> None:
    (machine.data / "redis.conf").write_text(f"replicaof {OTHER} 6379\n")
    note(machine, "one", ME, 10)
    assert machine.run("alone.sh", "state.conf").code == 0
    assert not (machine.data / "redis.conf").exists()


@pytest.mark.parametrize("file", ["memory.max", "memory/memory.limit_in_bytes"])
@pytest.mark.parametrize(
    ("limit", "small"), [(450 << 20, False), (300 << 20, True), ("max", False), (2**63 - 4096, False)]
)
def test_a_container_that_is_too_small_for_its_data_is_named_with_the_size_it_needs(
    machine: Machine, file: str, limit: int | str, small: bool
) -> None:
    (machine.folder / file).parent.mkdir(exist_ok=True)
    (machine.folder / file).write_text(f"{limit}\n")
    environ = {"CGROUP": str(machine.folder)}
    done = machine.run("alone.sh", "state.conf", "--maxmemory", "192mb", environ=environ)
    assert done.out.startswith("redis-server")
    assert ("maxmemory of 192 MB needs a container of 433 MB, this one has 300 MB" in done.err) is small
