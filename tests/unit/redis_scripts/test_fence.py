"""What a sentinel that leads a fail-over does before a replica is promoted."""

from __future__ import annotations

import subprocess

import pytest
from tests.unit.redis_scripts.machine import ME, OTHER, THIRD, Known, Machine

STANDS = ("+try-failover", f"master mymaster {ME} 6379")
ELECTED = ("+elected-leader", f"master mymaster {ME} 6379")


def selected(address: str) -> tuple[str, str]:
    return ("+selected-slave", f"slave {address}:6379 {address} 6379 @ mymaster {ME} 6379")


def linked(machine: Machine, *addresses: str) -> None:
    """Let replicas have a link to the master, or be about to lose it."""
    for address in (OTHER, THIRD):
        machine.node(address, role="slave", link="up" if address in addresses else "down")


def fenced(machine: Machine, *events: tuple[str, str]) -> list[str]:
    """What the servers are told when a sentinel says that something happens."""
    machine.run("sentinel/sentinel.sh")
    asked = machine.folder / "asked"
    asked.write_text("")
    for event in events:
        subprocess.run([machine.data / "one" / "fence", *event], env=machine.environ(), check=True, timeout=30)
    questions = ("info replication", "sentinel replicas mymaster")
    return [line for line in asked.read_text().splitlines() if not line.endswith(questions)]


def test_other_replicas_follow_the_one_that_is_about_to_be_chosen(machine: Machine) -> None:
    linked(machine, OTHER, THIRD)
    machine.replicas(Known(OTHER, offset=2), Known(THIRD, offset=1))
    assert fenced(machine, STANDS, ELECTED) == [f"{THIRD} replicaof {OTHER} 6379"]


@pytest.mark.parametrize(
    ("known", "chosen"),
    [
        ((Known(OTHER, offset=9_000_000_001), Known(THIRD, offset=9_000_000_002)), THIRD),
        ((Known(OTHER, offset=10), Known(THIRD, offset=9)), OTHER),
        ((Known(OTHER, priority=100, offset=5), Known(THIRD, priority=20, offset=1)), THIRD),
        ((Known(OTHER, priority=0, offset=5), Known(THIRD, offset=1)), THIRD),
        ((Known(OTHER, flags="s_down,slave", offset=5), Known(THIRD, offset=1)), THIRD),
        ((Known(OTHER, run_id="b0"), Known(THIRD, run_id="a9")), THIRD),
        ((Known(OTHER, run_id="a9"), Known(THIRD, run_id="b0")), OTHER),
    ],
)
def test_the_choice_is_the_one_that_the_sentinel_will_make(
    machine: Machine, known: tuple[Known, ...], chosen: str
) -> None:
    linked(machine, OTHER, THIRD)
    machine.replicas(*known)
    assert [line.split()[2] for line in fenced(machine, STANDS, ELECTED)] == [chosen]


def test_a_sentinel_that_chooses_otherwise_is_followed(machine: Machine) -> None:
    linked(machine, OTHER, THIRD)
    machine.replicas(Known(OTHER, offset=2), Known(THIRD, offset=1))
    told = fenced(machine, STANDS, ELECTED, selected(THIRD))
    assert told == [f"{THIRD} replicaof {OTHER} 6379", f"{OTHER} replicaof {THIRD} 6379"]


@pytest.mark.parametrize("with_link", [(OTHER,), (THIRD,), ()])
def test_without_a_link_replicas_are_left_to_the_sentinels(machine: Machine, with_link: tuple[str, ...]) -> None:
    linked(machine, *with_link)
    machine.replicas(Known(OTHER, offset=2), Known(THIRD, offset=1))
    assert fenced(machine, STANDS, ELECTED, selected(OTHER)) == []


def test_a_sentinel_that_does_not_say_whom_it_knows_is_heard_when_it_chooses(machine: Machine) -> None:
    linked(machine, OTHER, THIRD)
    assert fenced(machine, STANDS, ELECTED) == []
    assert fenced(machine, STANDS, ELECTED, selected(THIRD)) == [f"{OTHER} replicaof {THIRD} 6379"]


@pytest.mark.parametrize("event", ["+sdown", "+odown", "+switch-master", "-failover-abort-no-good-slave"])
def test_nobody_is_told_anything_at_other_moments(machine: Machine, event: str) -> None:
    linked(machine, OTHER, THIRD)
    machine.replicas(Known(OTHER), Known(THIRD))
    assert fenced(machine, STANDS, (event, ELECTED[1])) == []


def test_the_script_is_the_one_that_the_sentinel_runs(machine: Machine) -> None:
    machine.run("sentinel/sentinel.sh")
    text = (machine.data / "one" / "sentinel.conf").read_text()
    assert f"sentinel notification-script mymaster {machine.data / 'one' / 'fence'}\n" in text
    assert (machine.data / "one" / "fence").stat().st_mode & 0o777 == 0o700
