"""Looking for a stack's secrets where none may be: what the engine says, logs, processes, file systems."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import docker
from tests.integration.platform import Platform

MOUNT = "/run/secrets"
SHORTEST = 16
# Environment and arguments of each process, under a line with its id and its parent's. Only the processes' own user may
# read them: root has no capabilities in these containers.
LIST_PROCESSES = r"""
for process in /proc/[0-9]*; do
    printf '\001%s %s\n' "${process#/proc/}" "$(sed -n 's/^PPid:[[:space:]]*//p' $process/status)"
    tr '\0' '\n' < $process/environ
    tr '\0' '\n' < $process/cmdline
done 2> /dev/null
"""


@dataclass(frozen=True)
class Container:
    """A container of a stack, and what the engine says of it."""

    raw: Any

    @property
    def service(self) -> str:
        return str(self.raw.labels["com.docker.compose.service"])

    @property
    def running(self) -> bool:
        return str(self.raw.status) == "running"

    @property
    def secrets(self) -> Mapping[str, Any] | None:
        """The mount of its secrets; None where it has none."""
        return next((mount for mount in self.raw.attrs["Mounts"] if mount["Destination"] == MOUNT), None)

    def run(self, *words: str, user: str = "") -> tuple[int, str]:
        done = self.raw.exec_run(list(words), user=user)
        return int(done.exit_code), str(done.output.decode(errors="replace"))

    def told(self) -> Iterator[bytes]:
        """Yield what the engine says of it and of its image, and its log."""
        image = self.raw.attrs["Image"]
        engine = docker.from_env().api
        yield json.dumps([self.raw.attrs, engine.inspect_image(image), engine.history(image)]).encode()
        yield self.raw.logs()

    def processes(self) -> list[str]:
        """Return environment and arguments of each process of the service: those that PID 1 has started.

        Checks that the engine starts in the container (a `redis-cli` with a password in its environment) are gone
        within milliseconds, and nobody's children here.
        """
        _, printed = self.run("sh", "-c", LIST_PROCESSES)
        parents: dict[int, int] = {}
        texts: dict[int, str] = {}
        for section in printed.split("\1")[1:]:
            head, _, text = section.partition("\n")
            process, _, parent = head.partition(" ")
            # One that ended meanwhile has no parent any more.
            parents[int(process)], texts[int(process)] = int(parent or 0), text

        def is_of_the_service(process: int) -> bool:
            while process > 1:
                process = parents.get(process, 0)
            return process == 1

        return [text for process, text in texts.items() if is_of_the_service(process)]


def containers_of(platform: Platform) -> tuple[Container, ...]:
    """Return the containers of a stack."""
    engine = docker.from_env()
    return tuple(Container(engine.containers.get(identity)) for identity in platform.containers().values())


def values_of(platform: Platform) -> re.Pattern[bytes]:
    """Return what matches every secret value of a stack that is long enough to be looked for."""
    lines = (platform.folder / "env.secrets").read_text("utf-8").splitlines()
    found = {value.strip("'") for name, _, value in (line.partition("=") for line in lines) if not name.startswith("#")}
    secrets = sorted(value for value in found if len(value) >= SHORTEST)
    assert len(secrets) >= 10
    return re.compile(b"|".join(re.escape(value.encode()) for value in secrets))


def found_in_the_open(platform: Platform) -> list[str]:
    """Return where a secret of a running stack can be read without reading its file."""
    values = values_of(platform)
    found = []
    for container in containers_of(platform):
        found += [f"{container.service}: engine" for text in container.told() if values.search(text)]
        if container.running:
            processes = container.processes()
            assert any("PATH=" in text for text in processes), f"{container.service}: no environment was read"
            found += [f"{container.service}: process" for text in processes if values.search(text.encode())]
    return found
