"""When a master that was away takes writes again."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import Any

import pytest
from tests.unit.redis_scripts.machine import CLI, ME, OTHER, SENTINELS, SERVER, Machine


def orders(machine: Machine, *, sure_ms: int = 10**9, rounds: int = 12) -> list[str]:
    """What a node that was master before is told by its own script, until that has asked a sentinel so many times."""
    (machine.folder / "bin" / "redis-server").write_text(
        f"#!/bin/sh\n{SERVER.splitlines()[1]}\nexec tail -f /dev/null\n"
    )
    (machine.folder / "answers" / "127.0.0.1").write_text("PONG\n")
    script = subprocess.Popen(
        ["sh", str(machine.folder / "redis" / "sentinel" / "node.sh")],
        env={**machine.filled().environ(), "REDIS_SURE_MS": str(sure_ms)},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    asked = machine.folder / "asked"
    try:
        while True:
            lines = asked.read_text().splitlines() if asked.exists() else []
            told = [line.removeprefix("127.0.0.1 ") for line in lines if line.startswith("127.0.0.1 ")]
            told = [line for line in told if line != "ping"]
            if any("min-replicas" in line for line in told) or lines.count(f"{SENTINELS[0]} ") >= rounds:
                return told
            assert script.poll() is None
            time.sleep(0.02)
    finally:
        os.killpg(script.pid, signal.SIGKILL)
        script.wait()


TAKES_WRITES = "config set min-replicas-to-write 1"


def test_a_master_that_was_away_takes_no_writes_at_first(machine: Machine) -> None:
    for number in (0, 1, 2):
        machine.sentinel(number, ME)
    machine.filled().run("sentinel/node.sh")
    assert "min-replicas-to-write 99" in (machine.data / "redis.conf").read_text()


def test_the_first_master_of_all_takes_writes(machine: Machine) -> None:
    for number in (0, 1, 2):
        machine.sentinel(number, ME, replicas=0, epoch=0)
    machine.filled().run("sentinel/node.sh")
    assert "min-replicas-to-write 1\n" in (machine.data / "redis.conf").read_text()


def test_a_master_takes_writes_when_sentinels_have_heard_of_it_again(machine: Machine) -> None:
    for number in (0, 1):
        machine.sentinel(number, ME)
    assert orders(machine) == [TAKES_WRITES]


def test_a_master_that_was_replaced_meanwhile_follows_the_new_one(machine: Machine) -> None:
    machine.sentinel(0, ME)
    machine.sentinel(1, ME)
    answers = machine.folder / "answers"
    # From the moment on at which the server answers.
    elect = f'case "$*" in ping) sed -i "s/^{ME}$/{OTHER}/" "{answers}"/10.0.0.2*; esac\n'
    cli = machine.folder / "bin" / "redis-cli"
    cli.write_text(CLI.replace('cat "$ANSWERS/$host"', f'{elect}cat "$ANSWERS/$host"'))
    assert orders(machine) == [f"replicaof {OTHER} 6379", TAKES_WRITES]


@pytest.mark.parametrize(
    "third",
    [
        {"flags": "s_down,o_down,master,failover_in_progress"},
        {"flags": "s_down,o_down,master"},
        {"flags": "s_down,master"},
        {"master": OTHER, "epoch": 2},
    ],
)
def test_a_master_takes_no_writes_while_a_sentinel_is_about_to_replace_it(
    machine: Machine, third: dict[str, Any]
) -> None:
    for number in (0, 1):
        machine.sentinel(number, ME)
    machine.sentinel(2, **{"master": ME, **third})
    assert orders(machine) == []


def test_one_sentinel_that_misses_it_can_not_keep_a_master_from_taking_writes(machine: Machine) -> None:
    for number in (0, 1):
        machine.sentinel(number, ME)
    machine.sentinel(2, ME, flags="s_down,master")
    assert orders(machine, sure_ms=0) == [TAKES_WRITES]


def test_a_master_takes_no_writes_before_a_quorum_has_heard_of_it(machine: Machine) -> None:
    machine.sentinel(0, ME)
    for number in (1, 2):
        machine.sentinel(number, ME, heard=10**9)
    assert orders(machine) == []


def test_a_sentinel_that_knows_an_older_master_holds_nobody_up(machine: Machine) -> None:
    for number in (0, 1):
        machine.sentinel(number, ME, epoch=3)
    machine.sentinel(2, OTHER, epoch=2)
    assert orders(machine) == [TAKES_WRITES]
