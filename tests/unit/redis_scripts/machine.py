"""A container's view for the scripts of Redis: fakes of redis-cli and the servers, and answers of others."""

from __future__ import annotations

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
SERVER = """\
#!/bin/sh
case "$*" in *daemonize*) exit 0 ;; esac
echo "$(basename "$0") $*"
"""
# Finds nothing wrong unless the test says so.
CHECK_AOF = """\
#!/bin/sh
[ ! -e "$ANSWERS/../damaged" ]
"""


@dataclass(frozen=True)
class Ran:
    """A script that ended or was ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Known:
    """A replica as the sentinel beside the script knows it."""

    address: str
    offset: int = 0
    priority: int = 100
    flags: str = "slave"
    run_id: str = "c3"


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

    def replicas(self, *known: Known) -> None:
        """Let the sentinel beside the script say which replicas it knows."""
        lines: list[str] = []
        for one in known:
            facts = {"name": f"{one.address}:6379", "ip": one.address, "port": "6379", "runid": one.run_id}
            facts |= {"flags": one.flags, "slave-priority": str(one.priority), "slave-repl-offset": str(one.offset)}
            lines += [text for pair in facts.items() for text in pair]
        self._answer("127.0.0.1", lines)

    def _answer(self, host: str, lines: list[str]) -> None:
        (self.folder / "answers" / host).write_text("\n".join(lines) + "\n")

    def filled(self) -> Machine:
        """Let there be data."""
        (self.data / "appendonlydir").mkdir()
        (self.data / "appendonlydir" / "appendonly.aof.manifest").write_text("file")
        return self

    def died_loading(self, *, damaged: bool) -> Machine:
        """Let the last start have ended while the server read its files, which can be read or not."""
        (self.data / "loading").touch()
        if damaged:
            (self.folder / "damaged").touch()
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
            "REDIS_PORT": "26379",
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


def new_machine(folder: Path) -> Machine:
    """Return a container's view in which nobody answers yet."""
    shutil.copytree(COMPOSE / "redis", folder / "redis")
    for name in ("bin", "answers", "data", "notes", "secrets"):
        (folder / name).mkdir()
    for name, text in {
        "redis-cli": CLI,
        "redis-server": SERVER,
        "redis-sentinel": SERVER,
        "redis-check-aof": CHECK_AOF,
    }.items():
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o755)
    for who in ("", "OPERATOR_", "SENTINEL_", "REPLICATION_"):
        (folder / "secrets" / f"REDIS_{who}PASSWORD").write_text(f"{who.lower()}secret")
    return Machine(folder)
