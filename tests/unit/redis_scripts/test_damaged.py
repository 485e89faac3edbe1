"""What a node does about an append-only file that can't be read."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
from tests.unit.redis_scripts.machine import ME, OTHER, Machine


def named(machine: Machine, master: str, **facts: Any) -> Machine:
    """The sentinels name that master."""
    for number in (0, 1, 2):
        machine.sentinel(number, master, **facts)
    return machine.filled()


def kept(machine: Machine) -> list[str]:
    return sorted(path.name for path in machine.data.glob("damaged-*"))


def test_a_replica_keeps_a_damaged_file_aside_and_copies_all(machine: Machine) -> None:
    named(machine, OTHER, uptime=1).died_loading(damaged=True)
    done = machine.run("sentinel/node.sh")
    (aside,) = kept(machine)
    assert f"it is kept in {machine.data / aside}, and this node copies all from its master" in done.err
    assert (machine.data / aside / "appendonly.aof.manifest").read_text() == "file"
    assert not (machine.data / "appendonlydir").exists()
    # It has nothing, so it is no candidate before it has a copy.
    assert f"replicaof {OTHER} 6379\nreplica-priority 0\n" in (machine.data / "redis.conf").read_text()


def test_two_damaged_files_are_kept_at_most(machine: Machine) -> None:
    for day in ("20260101T000000Z", "20260102T000000Z", "20260103T000000Z"):
        (machine.data / f"damaged-{day}").mkdir()
    named(machine, OTHER).died_loading(damaged=True)
    machine.run("sentinel/node.sh")
    assert len(kept(machine)) == 2
    assert kept(machine)[0] == "damaged-20260103T000000Z"


@pytest.mark.parametrize("epoch", [0, 3])
def test_a_master_leaves_a_damaged_file_alone(machine: Machine, epoch: int) -> None:
    named(machine, ME, epoch=epoch, replicas=min(epoch, 2)).died_loading(damaged=True)
    done = machine.run("sentinel/node.sh")
    assert "is left alone because this node is the master" in done.err
    assert (machine.data / "appendonlydir").exists()
    assert not kept(machine)


def test_a_single_server_leaves_a_damaged_file_alone_and_says_what_to_do(machine: Machine) -> None:
    done = machine.filled().died_loading(damaged=True).run("alone.sh", "state.conf")
    assert "invoke redis.restore --from FOLDER" in done.err
    assert (machine.data / "appendonlydir").exists()


@pytest.mark.parametrize("died", [True, False])
def test_a_file_that_can_be_read_stays(machine: Machine, died: bool) -> None:
    named(machine, OTHER)
    if died:
        machine.died_loading(damaged=False)
    done = machine.run("sentinel/node.sh")
    assert done.out.startswith("redis-server")
    assert (machine.data / "appendonlydir").exists()


def test_a_start_is_noted_until_the_server_answers(machine: Machine) -> None:
    named(machine, OTHER).run("sentinel/node.sh")
    assert (machine.data / "loading").exists()
    program = f'data={machine.data} tools={machine.folder / "redis"}; . "$tools/aof.sh"; loaded'
    subprocess.run(["sh", "-c", program], env={**machine.environ(), "REDIS_LOADING_TRIES": "1"}, check=True)
    assert (machine.data / "loading").exists()
    (machine.folder / "answers" / "127.0.0.1").write_text("PONG\n")
    subprocess.run(["sh", "-c", program], env=machine.environ(), check=True)
    assert not (machine.data / "loading").exists()
