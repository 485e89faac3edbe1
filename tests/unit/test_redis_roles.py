"""What nodes and sentinels do when they start: the scripts themselves, with stand-ins for redis-cli and the servers."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from tests.unit.compose_files import COMPOSE

ME, OTHER, THIRD = "10.0.0.11", "10.0.0.12", "10.0.0.13"
SENTINELS = ("10.0.0.21", "10.0.0.22", "10.0.0.23")

# Answers from files named after the server that is asked; anything else is a server that doesn't answer.
CLI = """\
#!/bin/sh
host=
while [ $# -gt 0 ]; do
    case "$1" in
        -h) host=$2; shift 2 ;;
        -p | --user) shift 2 ;;
        -*) shift ;;
        *) break ;;
    esac
done
[ $# -gt 0 ] || cat > /dev/null
echo "$host $*" >> "$ANSWERS/../asked"
cat "$ANSWERS/$host" 2> /dev/null || { echo 'Could not connect'; exit 1; }
"""
# In place of `sleep`: while the node waits, the sentinels come to name another.
ELECT = f'sed -i "s/^{ME}$/{OTHER}/; s/^s_down.*/master/" "$ANSWERS"/*\n'
SERVER = """\
#!/bin/sh
case "$*" in *daemonize*) exit 0 ;; esac
echo "$(basename "$0") $*"
"""


@dataclass(frozen=True)
class Ran:
    """A script that ended or was ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Machine:
    """A container's view: its data folder, its secrets and the servers that answer it."""

    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def sentinel(
        self,
        number: int,
        master: str,
        *,
        flags: str = "master",
        replicas: int = 2,
        epoch: int = 1,
        uptime: int = 99,
        heard: int = 0,
    ) -> None:
        """Let a sentinel answer; `heard` is how many milliseconds ago the master answered it."""
        facts: dict[str, str | int] = {"name": "mymaster", "ip": master, "flags": flags, "last-ok-ping-reply": heard}
        facts |= {"num-slaves": replicas, "config-epoch": epoch}
        lines = [text for pair in facts.items() for text in map(str, pair)]
        self._answer(SENTINELS[number], [*lines, "# Server\r", f"uptime_in_seconds:{uptime}\r"])

    def node(self, address: str, *, role: str, replicas: int = 0, link: str = "up") -> None:
        """Let a node answer."""
        facts = {"role": role, "connected_slaves": replicas, "master_link_status": link}
        self._answer(address, ["# Replication\r", *(f"{name}:{value}\r" for name, value in facts.items())])

    def _answer(self, host: str, lines: list[str]) -> None:
        (self.folder / "answers" / host).write_text("\n".join(lines) + "\n")

    def filled(self) -> Machine:
        """Let there be data."""
        (self.data / "appendonlydir").mkdir()
        (self.data / "appendonlydir" / "appendonly.aof.manifest").write_text("file")
        return self

    def run(self, script: str, *arguments: str, environ: Mapping[str, str] = MappingProxyType({})) -> Ran:
        """Run a script until it ends, or says why it waits; nothing that it started stays."""
        program = ["sh", str(self.folder / "redis" / script), *arguments]
        out, err = self.folder / "out", self.folder / "err"
        with out.open("w") as stdout, err.open("w") as stderr:
            process = subprocess.Popen(
                program,
                env={**self.environ(), **environ},
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
            try:
                while process.poll() is None and not re.search("(waiting|refused): ", err.read_text()):
                    time.sleep(0.02)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                code = process.wait()
        return Ran(code, out.read_text(), err.read_text())

    def environ(self) -> Mapping[str, str]:
        return {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "ANSWERS": str(self.folder / "answers"),
            "REDIS_DATA": str(self.data),
            "REDIS_NOTES": str(self.folder / "notes"),
            "SECRETS_DIR": str(self.folder / "secrets"),
            "REDIS_PASSWORD_FILE": str(self.folder / "secrets" / "REDIS_OPERATOR_PASSWORD"),
            "REDIS_ADDRESS": ME,
            "REDIS_NAME": "one",
            "REDIS_NODES": f"{ME}:6379,{OTHER}:6379,{THIRD}:6379",
            "REDIS_FIRST_MASTER": ME,
            "REDIS_SENTINEL_MASTER": "mymaster",
            "REDIS_SENTINEL_HOSTS": ",".join(f"{host}:26379" for host in SENTINELS),
            "REDIS_QUORUM": "2",
            "REDIS_MIN_REPLICAS": "1",
            "REDIS_MAX_LAG": "2",
            "REDIS_DOWN_AFTER_MS": "500",
            "REDIS_DOWN_AFTER_PERCENT": "100",
            "REDIS_FAILOVER_TIMEOUT_MS": "6000",
            "REDIS_PATIENCE": "3",
        }


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    shutil.copytree(COMPOSE / "redis", tmp_path / "redis")
    for folder in ("bin", "answers", "data", "notes", "secrets"):
        (tmp_path / folder).mkdir()
    for name, text in {"redis-cli": CLI, "redis-server": SERVER, "redis-sentinel": SERVER}.items():
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    for who in ("", "OPERATOR_", "SENTINEL_", "REPLICATION_"):
        (tmp_path / "secrets" / f"REDIS_{who}PASSWORD").write_text(f"{who.lower()}secret")
    return Machine(tmp_path)


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
    role_of(machine.filled())
    assert "min-replicas-to-write 99" in (machine.data / "redis.conf").read_text()


def test_the_first_master_of_all_takes_writes(machine: Machine) -> None:
    for number in (0, 1, 2):
        machine.sentinel(number, ME, replicas=0, epoch=0)
    role_of(machine.filled())
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
    watched(machine)
    text = (machine.data / "one" / "sentinel.conf").read_text()
    assert f"sentinel notification-script mymaster {machine.data / 'one' / 'fence'}\n" in text
    assert (machine.data / "one" / "fence").stat().st_mode & 0o777 == 0o700


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
