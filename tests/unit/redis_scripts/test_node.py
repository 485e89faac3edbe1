"""Which role a node takes when it starts."""

from __future__ import annotations

import hashlib

import pytest
from tests.unit.redis_scripts.machine import ME, OTHER, THIRD, Machine

# In place of `sleep`: while the node waits, the sentinels come to name another.
ELECT = f'sed -i "s/^{ME}$/{OTHER}/; s/^s_down.*/master/" "$ANSWERS"/*\n'


def role_of(machine: Machine, **environ: str) -> str:
    """The role that a node takes, from the configuration that its server is started with; or what it says instead."""
    done = machine.run("sentinel/node.sh", environ=environ)
    if not done.out.startswith("redis-server"):
        return done.err
    lines = (machine.data / "redis.conf").read_text().splitlines()
    return "; ".join(line for line in lines if line.startswith(("replicaof", "replica-priority"))) or "master"


def test_the_named_master_with_data_is_the_master(machine: Machine) -> None:
    for number in (0, 1):
        machine.sentinel(number, ME)
    assert role_of(machine.filled()) == "master"


def test_a_node_follows_the_one_that_a_quorum_names(machine: Machine) -> None:
    machine.sentinel(0, ME, uptime=1)
    for number in (1, 2):
        machine.sentinel(number, OTHER, uptime=1)
    assert role_of(machine.filled()) == f"replicaof {OTHER} 6379"


@pytest.mark.parametrize("named", [(), (ME,), (ME, OTHER), (ME, OTHER, THIRD)])
def test_without_a_quorum_a_node_waits(machine: Machine, named: tuple[str, ...]) -> None:
    for number, master in enumerate(named):
        machine.sentinel(number, master)
    assert "waiting: fewer than 2 sentinels" in role_of(machine.filled())


def test_an_empty_node_is_not_master_over_replicas(machine: Machine) -> None:
    for number in (0, 1, 2):
        machine.sentinel(number, ME)
    assert "refused: the sentinels name this node master, but it has no data" in role_of(machine)


def test_the_first_node_of_all_may_be_empty(machine: Machine) -> None:
    for number in (0, 1, 2):
        machine.sentinel(number, ME, replicas=0, epoch=0, flags="s_down,master,disconnected")
    assert role_of(machine) == "master"


def test_sentinels_that_lost_their_memory_do_not_make_a_replica_the_master(machine: Machine) -> None:
    (machine.data / "redis.conf").write_text(f"replicaof {OTHER} 6379\n")
    for number in (0, 1, 2):
        machine.sentinel(number, ME, replicas=0, epoch=0)
    assert "refused: this node was a replica" in role_of(machine.filled())


def test_sentinels_that_lost_their_memory_do_not_make_the_last_master_a_replica(machine: Machine) -> None:
    (machine.data / "redis.conf").write_text("masteruser replication\n")
    for number in (0, 1, 2):
        machine.sentinel(number, OTHER, replicas=0, epoch=0)
    assert "refused: this node was the last master" in role_of(machine.filled())


def test_a_former_replica_that_was_elected_is_the_master(machine: Machine) -> None:
    (machine.data / "redis.conf").write_text(f"replicaof {OTHER} 6379\n")
    for number in (0, 1, 2):
        machine.sentinel(number, ME, epoch=3)
    assert role_of(machine.filled()) == "master"


def test_a_node_that_was_away_is_no_candidate_until_it_has_a_copy(machine: Machine) -> None:
    for number in (0, 1, 2):
        machine.sentinel(number, OTHER, uptime=60)
    assert role_of(machine.filled()) == f"replicaof {OTHER} 6379; replica-priority 0"


def test_a_node_without_data_is_no_candidate_until_it_has_a_copy(machine: Machine) -> None:
    for number in (0, 1, 2):
        machine.sentinel(number, OTHER, uptime=1)
    assert role_of(machine) == f"replicaof {OTHER} 6379; replica-priority 0"


def test_data_that_was_written_without_sentinels_is_not_replaced(machine: Machine) -> None:
    (machine.data / "alone").touch()
    for number in (0, 1, 2):
        machine.sentinel(number, OTHER)
    assert "refused: this node ran alone" in role_of(machine.filled())


def test_a_node_that_ran_alone_is_one_of_three_again(machine: Machine) -> None:
    (machine.data / "alone").touch()
    for number in (0, 1, 2):
        machine.sentinel(number, ME)
    assert role_of(machine.filled()) == "master"
    assert not (machine.data / "alone").exists()


def test_a_node_leaves_a_fail_over_that_is_under_way_its_time(machine: Machine) -> None:
    for number in (0, 1, 2):
        machine.sentinel(number, ME, flags="s_down,o_down,master,failover_in_progress")
    machine.filled()
    (machine.folder / "bin" / "sleep").write_text(f"#!/bin/sh\n{ELECT}")
    (machine.folder / "bin" / "sleep").chmod(0o755)
    assert role_of(machine, REDIS_PATIENCE="1000") == f"replicaof {OTHER} 6379; replica-priority 0"


def test_a_node_that_nobody_can_replace_is_the_master(machine: Machine) -> None:
    for number in (0, 1, 2):
        machine.sentinel(number, ME, flags="s_down,o_down,master")
    assert role_of(machine.filled()) == "master"


def test_users_are_known_by_the_digests_of_their_passwords(machine: Machine) -> None:
    for number in (0, 1):
        machine.sentinel(number, ME)
    role_of(machine.filled())
    text = (machine.data / "users.acl").read_text()
    assert f"user operator on #{hashlib.sha256(b'operator_secret').hexdigest()} " in text
    assert "@" not in text.replace("@all", "").replace("@admin", "").replace("@dangerous", "")
    assert "secret" not in text
    assert "masterauth replication_secret" in (machine.data / "redis.conf").read_text()
    assert (machine.data / "redis.conf").stat().st_mode & 0o077 == 0


def test_both_passwords_of_a_rotation_let_users_in(machine: Machine) -> None:
    for number in (0, 1):
        machine.sentinel(number, ME)
    secrets = machine.filled().folder / "secrets"
    (secrets / "REDIS_PASSWORD_SECONDARY").write_text("secret\nthe other one")
    role_of(machine)
    text = (machine.data / "users.acl").read_text()
    both = (hashlib.sha256(password).hexdigest() for password in (b"secret", b"the other one"))
    assert f"user services on {' '.join(f'#{digest}' for digest in both)} ~* " in text
    assert text.count(" #") == 5
