"""A node that was no candidate becomes one once it has its copy, whatever became of the script that waits for it."""

from __future__ import annotations

import subprocess

import pytest
from tests.unit.redis_scripts.machine import OTHER, Machine


def checked(machine: Machine, *answers: str) -> subprocess.CompletedProcess[str]:
    """The health check of a node whose server answers so."""
    (machine.folder / "answers" / "127.0.0.1").write_text("\n".join(answers) + "\n")
    cli = machine.folder / "bin" / "redis-cli"
    ping = 'case "$*" in *ping*) echo PONG; echo "$*" >> "$ANSWERS/../asked"; exit ;; esac\n'
    cli.write_text(cli.read_text().replace("host=\n", f"{ping}host=\n", 1))
    script = machine.folder / "redis" / "healthcheck.sh"
    script.write_text(script.read_text().replace("/etc/optimus/redis/cli.sh", str(script.with_name("cli.sh"))))
    environ = {**machine.environ(), "REDIS_ROLE": "node"}
    return subprocess.run(["sh", str(script)], env=environ, capture_output=True, text=True, check=False)


def told(machine: Machine) -> list[str]:
    return [line for line in (machine.folder / "asked").read_text().splitlines() if "config set" in line]


@pytest.mark.parametrize("replication", ["master_link_status:up", "role:master"])
def test_the_health_check_makes_it_a_candidate_when_nobody_else_did(machine: Machine, replication: str) -> None:
    (machine.data / "behind").touch()
    assert checked(machine, replication).returncode == 0
    assert told(machine) == ["127.0.0.1 config set replica-priority 100"]
    assert not (machine.data / "behind").exists()


def test_a_node_without_its_copy_stays_none(machine: Machine) -> None:
    (machine.data / "behind").touch()
    assert checked(machine, "master_link_status:down").returncode == 1
    assert told(machine) == []


def test_a_priority_that_somebody_chose_is_left_alone(machine: Machine) -> None:
    assert checked(machine, "master_link_status:up").returncode == 0
    assert told(machine) == []


@pytest.mark.parametrize(("uptime", "noted"), [(60, True), (1, False)])
def test_a_node_notes_that_it_is_none(machine: Machine, uptime: int, noted: bool) -> None:
    (machine.data / "behind").touch()
    for number in (0, 1, 2):
        machine.sentinel(number, OTHER, uptime=uptime)
    machine.filled().run("sentinel/node.sh")
    assert (machine.data / "behind").exists() is noted
