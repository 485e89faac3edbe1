"""Containers of the Docker engine."""

from __future__ import annotations

import contextlib
import http.client
import io
import struct
import tarfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from docker.errors import DockerException

from optimus_ops.engine.docker_host import DockerHost, translated
from optimus_ops.engine.errors import EngineGone, EngineRefused, NoSuchThing
from optimus_ops.engine.labels import FILES_LABEL, HASH_LABEL, ONE_OFF_LABEL, PROJECT_LABEL, SERVICE_LABEL
from optimus_ops.engine.parse import parse_limits, parse_replica, parse_sample
from optimus_ops.engine.values import ContainerStart, Limits, Sample
from optimus_ops.model.state import Replica, State, sorted_state

SETTLED_SECONDS = 10.0
"""A run that is shorter counts as failed for the engine, too: before the next one it waits for longer."""

KILLED = 128 + 9
"""Exit code of a process that SIGKILL ended."""

CUT = (DockerException, OSError, ValueError, AttributeError, struct.error)
"""What a stream of the client raises when it is closed or cut while it is read, depending on where it was."""


@dataclass(frozen=True)
class DockerContainers(DockerHost):
    """See `engine.port`."""

    def observe(self, project: str, services: Collection[str] | None = None, *, one_off: bool = False) -> State:
        # The digest tells them from containers that somebody started of an image which Compose built: those inherit the
        # project from the image's labels.
        listed = self.client.containers(all=True, filters={"label": [f"{PROJECT_LABEL}={project}", HASH_LABEL]})
        wanted = [
            container["Id"]
            for container in listed
            if (container["Labels"].get(ONE_OFF_LABEL, "False") == "True") is one_off
            and (services is None or container["Labels"].get(SERVICE_LABEL) in services)
        ]
        found = [parse_replica(raw, self.node) for raw in self._inspected(wanted)]
        return sorted_state(project, self._with_crashing(found))

    def _with_crashing(self, found: Sequence[Replica]) -> Iterator[Replica]:
        """Mark those that the engine has only just started again: most of the time these wait for the next start."""
        suspects = {replica.id for replica in found if _just_started(replica)}
        # The engine's own clock: it is the one that the start was written down by.
        now = self.now() if suspects else None
        for replica in found:
            started = replica.started_at if replica.id in suspects else None
            age = (now - started).total_seconds() if now and started else SETTLED_SECONDS
            yield replace(replica, crashing=age < SETTLED_SECONDS)

    def _inspected(self, containers: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        for container in containers:
            # It may be removed between listing and inspecting.
            with contextlib.suppress(NoSuchThing):
                yield self.client.inspect_container(container)

    def inspect(self, project: str) -> tuple[Mapping[str, Any], ...]:
        listed = self.client.containers(all=True, filters={"label": [f"{PROJECT_LABEL}={project}"]})
        return tuple(self._inspected([str(container["Id"]) for container in listed]))

    def files(self, project: str, *, stopped: bool = False) -> tuple[str, ...]:
        listed = self.client.containers(all=stopped, filters={"label": [f"{PROJECT_LABEL}={project}"]})
        named = (str(container["Labels"].get(FILES_LABEL, "")) for container in listed)
        return tuple(dict.fromkeys(path for text in named for path in text.split(",") if path))

    def start(self, container: str, *, missing_ok: bool = True) -> None:
        with contextlib.suppress(*([NoSuchThing] if missing_ok else [])):
            self.client.start(container)

    def stop(self, container: str, *, seconds: float) -> bool:
        try:
            self.client.stop(container, timeout=int(seconds))
            state = self.client.inspect_container(container)["State"]
        except NoSuchThing:
            return True
        return int(state.get("ExitCode", 0)) != KILLED

    def restart(self, container: str, *, seconds: float) -> None:
        with contextlib.suppress(NoSuchThing):
            self.client.restart(container, timeout=int(seconds))

    def remove(self, container: str) -> None:
        with contextlib.suppress(NoSuchThing):
            try:
                self.client.remove_container(container, force=True, v=True)
            except EngineRefused as error:
                # It is being removed, or has been since.
                if error.status != http.client.CONFLICT or self._state(container).get("Status") != "removing":
                    raise
                self.client.wait(container, condition="removed")

    def pause(self, container: str) -> None:
        with contextlib.suppress(NoSuchThing):
            if not self._state(container).get("Paused"):
                self.client.pause(container)

    def unpause(self, container: str) -> None:
        with contextlib.suppress(NoSuchThing):
            if self._state(container).get("Paused"):
                self.client.unpause(container)

    def signal(self, container: str, name: str) -> None:
        self.client.kill(container, signal=name)

    def kill(self, container: str) -> None:
        with contextlib.suppress(NoSuchThing):
            try:
                self.client.kill(container, signal="SIGKILL")
            except EngineRefused:
                if self._state(container).get("Running"):
                    raise

    def _state(self, container: str) -> Mapping[str, Any]:
        state: Mapping[str, Any] = self.client.inspect_container(container)["State"]
        return state

    def command(self, container: str) -> tuple[str, ...]:
        command = self.client.inspect_container(container)["Config"].get("Cmd") or ()
        return tuple(str(word) for word in command)

    def pid(self, container: str) -> int:
        return int(self._state(container)["Pid"])

    def logs(
        self, container: str, *, tail: int | None = 25, since: float | None = None, stderr: bool = True
    ) -> tuple[str, ...]:
        begin: dict[str, Any] = {"tail": "all" if tail is None else tail} if since is None else {"since": int(since)}
        try:
            text: bytes = self.client.logs(container, stdout=True, stderr=stderr, **begin)
        except NoSuchThing:
            return ()
        return tuple(text.decode("utf-8", "replace").splitlines())

    def stream_logs(
        self,
        container: str,
        *,
        tail: int | str = 0,
        since: int | None = None,
        follow: bool = True,
        stderr: bool = True,
        timestamps: bool = False,
    ) -> DockerStream:
        begin = {"tail": tail} if since is None else {"since": since}
        options = {"stream": True, "follow": follow, "timestamps": timestamps}
        return DockerStream(self.client.logs(container, stdout=True, stderr=stderr, **options, **begin))

    def starts(self, project: str) -> Iterator[ContainerStart]:
        filters = {"type": "container", "event": "start", "label": [f"{PROJECT_LABEL}={project}"]}
        events = DockerStream(self.client.events(filters=filters, decode=True))
        return (
            ContainerStart(event["Actor"]["ID"], facts["name"], facts.get(SERVICE_LABEL, ""), int(event["time"]))
            for event in events
            for facts in (event["Actor"]["Attributes"],)
            if facts.get(ONE_OFF_LABEL, "False") != "True"
        )

    def limits(self, container: str) -> Limits:
        return parse_limits(self.client.inspect_container(container))

    def sample(self, container: str) -> Sample:
        return parse_sample(self.client.stats(container, stream=False, one_shot=True))

    def processes(self, container: str) -> tuple[str, ...]:
        return tuple(" ".join(columns) for columns in self.client.top(container).get("Processes") or ())

    def read_file(self, container: str, path: str) -> bytes | None:
        try:
            packed, _facts = self.client.get_archive(container, path)
        except NoSuchThing:
            return None
        with translated():
            whole = io.BytesIO(b"".join(packed))
        with tarfile.open(fileobj=whole) as archive:
            file = archive.extractfile(archive.getmembers()[0])
        return file.read() if file is not None else None


class DockerStream:
    """A stream of the engine's, which another thread may close: nothing else ends a read."""

    def __init__(self, stream: Any) -> None:
        """Take the client's stream."""
        self._stream = stream

    def __iter__(self) -> Iterator[Any]:
        try:
            yield from self._stream
        except CUT as error:
            raise EngineGone from error

    def close(self) -> None:
        with contextlib.suppress(*CUT):
            self._stream.close()


def _just_started(replica: Replica) -> bool:
    """Tell whether the engine started a replica again, and nothing says that it is well since then."""
    return replica.running and replica.restarts > 0 and replica.health != "healthy"
