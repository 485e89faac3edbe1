"""What a sentinel that leads a fail-over does before a replica is promoted."""

from __future__ import annotations

import subprocess

import pytest
from tests.unit.redis_scripts.machine import ME, OTHER, THIRD, Machine

SELECTED = ("+selected-slave", f"slave {OTHER}:6379 {OTHER} 6379 @ mymaster {ME} 6379")
ELECTED = ("+elected-leader", f"master mymaster {ME} 6379")


def fenced(machine: Machine, *events: tuple[str, str]) -> list[str]:
    """What the servers are told when a sentinel says that something happens."""
    machine.run("sentinel/sentinel.sh")
    asked = machine.folder / "asked"
    asked.write_text("")
    for event in events:
        subprocess.run([machine.data / "one" / "fence", *event], env=machine.environ(), check=True, timeout=30)
    return [line for line in asked.read_text().splitlines() if not line.endswith("info replication")]


def test_other_replicas_follow_the_chosen_one_before_it_is_promoted(machine: Machine) -> None:
    for address in (OTHER, THIRD):
        machine.node(address, role="slave", link="up")
    assert fenced(machine, ELECTED, SELECTED) == [f"{THIRD} replicaof {OTHER} 6379"]


def test_a_replica_without_a_link_is_left_to_the_sentinels(machine: Machine) -> None:
    machine.node(OTHER, role="slave", link="up")
    machine.node(THIRD, role="slave", link="down")
    assert fenced(machine, ELECTED, SELECTED) == []


@pytest.mark.parametrize("event", ["+sdown", "+odown", "+switch-master", "-failover-abort-no-good-slave"])
def test_nobody_is_told_anything_at_other_moments(machine: Machine, event: str) -> None:
    machine.node(THIRD, role="slave", link="up")
    assert fenced(machine, ELECTED, (event, ELECTED[1])) == []


def test_the_script_is_the_one_that_the_sentinel_runs(machine: Machine) -> None:
    machine.run("sentinel/sentinel.sh")
    text = (machine.data / "one" / "sentinel.conf").read_text()
    assert f"sentinel notification-script mymaster {machine.data / 'one' / 'fence'}\n" in text
    assert (machine.data / "one" / "fence").stat().st_mode & 0o777 == 0o700
