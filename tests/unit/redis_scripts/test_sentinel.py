"""What a sentinel begins with, and remembers."""

from __future__ import annotations

from tests.unit.redis_scripts.machine import ME, OTHER, SENTINELS, THIRD, Machine


def watched(machine: Machine, **environ: str) -> list[str]:
    """The lines in which a sentinel remembers something, of the file that it is started with."""
    done = machine.run("sentinel/sentinel.sh", environ=environ)
    assert done.out.startswith("redis-sentinel"), done.err
    lines = (machine.data / "one" / "sentinel.conf").read_text().splitlines()
    words = ("monitor", "known-", "config-epoch", "myid", "current-epoch")
    return [line for line in lines if line.startswith(tuple(f"sentinel {word}" for word in words))]


def down_after(machine: Machine) -> list[str]:
    lines = (machine.data / "one" / "sentinel.conf").read_text().splitlines()
    return [line.split()[-1] for line in lines if line.startswith("sentinel down-after-milliseconds mymaster ")]


def test_the_first_sentinel_of_all_begins_with_the_first_master(machine: Machine) -> None:
    assert watched(machine) == [f"sentinel monitor mymaster {ME} 6379 2"]


def test_a_sentinel_without_memory_believes_the_others(machine: Machine) -> None:
    machine.sentinel(1, OTHER)
    machine.node(THIRD, role="master", replicas=1)
    assert watched(machine) == [f"sentinel monitor mymaster {OTHER} 6379 2"]


def test_a_sentinel_that_is_alone_and_without_memory_asks_the_nodes(machine: Machine) -> None:
    machine.node(ME, role="master", replicas=0)
    machine.node(THIRD, role="master", replicas=1)
    assert watched(machine) == [f"sentinel monitor mymaster {THIRD} 6379 2"]


def test_a_sentinel_remembers_and_takes_new_settings(machine: Machine) -> None:
    memory = [
        "sentinel myid abc",
        f"sentinel monitor mymaster {OTHER} 6379 2",
        "sentinel config-epoch mymaster 4",
        f"sentinel known-replica mymaster {ME} 6379",
        f"sentinel known-sentinel mymaster {SENTINELS[1]} 26379 def",
        "sentinel current-epoch 4",
    ]
    (machine.data / "one").mkdir()
    (machine.data / "one" / "sentinel.conf").write_text(
        "\n".join([*memory, "sentinel down-after-milliseconds mymaster 500"])
    )
    assert watched(machine, REDIS_DOWN_AFTER_MS="1200") == memory
    assert down_after(machine) == ["1200"]


def test_a_sentinel_may_be_later_than_the_others(machine: Machine) -> None:
    machine.node(ME, role="master", replicas=1)
    watched(machine, REDIS_DOWN_AFTER_PERCENT="150")
    assert down_after(machine) == ["750"]


def test_a_sentinel_follows_its_network_to_other_addresses(machine: Machine) -> None:
    (machine.data / "one").mkdir()
    (machine.data / "one" / "first-master").write_text("10.9.9.11\n")
    (machine.data / "one" / "sentinel.conf").write_text(
        "sentinel monitor mymaster 10.9.9.12 6379 2\nsentinel known-replica mymaster 10.9.9.11 6379\n"
    )
    assert watched(machine) == [
        f"sentinel monitor mymaster {OTHER} 6379 2",
        f"sentinel known-replica mymaster {ME} 6379",
    ]
