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

from docker.errors import APIError, DockerException, NotFound

from optimus_ops.engine.docker_host import DockerHost, translated
from optimus_ops.engine.errors import EngineGone
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
        """Return the containers of a project (of some services only), or those of `docker compose run` (`one_off`).

        The digest tells them from containers that somebody started of an image which Compose built: those inherit the
        project from the image's labels.
        """
        with translated():
            listed = self.api.containers(all=True, filters={"label": [f"{PROJECT_LABEL}={project}", HASH_LABEL]})
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
            with contextlib.suppress(NotFound):
                yield self.api.inspect_container(container)

    def inspect(self, project: str) -> tuple[Mapping[str, Any], ...]:
        with translated():
            listed = self.api.containers(all=True, filters={"label": [f"{PROJECT_LABEL}={project}"]})
            return tuple(self._inspected([str(container["Id"]) for container in listed]))

    def files(self, project: str, *, stopped: bool = False) -> tuple[str, ...]:
        with translated():
            listed = self.api.containers(all=stopped, filters={"label": [f"{PROJECT_LABEL}={project}"]})
        named = (str(container["Labels"].get(FILES_LABEL, "")) for container in listed)
        return tuple(dict.fromkeys(path for text in named for path in text.split(",") if path))

    def start(self, container: str, *, missing_ok: bool = True) -> None:
        with translated(), _missing_ok(missing_ok):
            self.api.start(container)

    def stop(self, container: str, *, seconds: float) -> bool:
        with translated():
            try:
                self.api.stop(container, timeout=int(seconds))
                state = self.api.inspect_container(container)["State"]
            except NotFound:
                return True
        return int(state.get("ExitCode", 0)) != KILLED

    def restart(self, container: str, *, seconds: float) -> None:
        with translated(), _missing_ok():
            self.api.restart(container, timeout=int(seconds))

    def remove(self, container: str) -> None:
        with translated(), _missing_ok():
            try:
                self.api.remove_container(container, force=True, v=True)
            except APIError as error:
                # It is being removed, or has been since.
                if error.status_code != http.client.CONFLICT or self._state(container).get("Status") != "removing":
                    raise
                self.api.wait(container, condition="removed")

    def pause(self, container: str) -> None:
        with translated(), _missing_ok():
            if not self._state(container).get("Paused"):
                self.api.pause(container)

    def unpause(self, container: str) -> None:
        with translated(), _missing_ok():
            if self._state(container).get("Paused"):
                self.api.unpause(container)

    def signal(self, container: str, name: str) -> None:
        with translated():
            self.api.kill(container, signal=name)

    def kill(self, container: str) -> None:
        with translated(), _missing_ok():
            try:
                self.api.kill(container, signal="SIGKILL")
            except APIError:
                if self._state(container).get("Running"):
                    raise

    def _state(self, container: str) -> Mapping[str, Any]:
        state: Mapping[str, Any] = self.api.inspect_container(container)["State"]
        return state

    def command(self, container: str) -> tuple[str, ...]:
        with translated():
            command = self.api.inspect_container(container)["Config"].get("Cmd") or ()
        return tuple(str(word) for word in command)

    def pid(self, container: str) -> int:
        with translated():
            return int(self._state(container)["Pid"])

    def logs(
        self, container: str, *, tail: int | None = 25, since: float | None = None, stderr: bool = True
    ) -> tuple[str, ...]:
        begin: dict[str, Any] = {"tail": "all" if tail is None else tail} if since is None else {"since": int(since)}
        with translated():
            try:
                text: bytes = self.api.logs(container, stdout=True, stderr=stderr, **begin)
            except NotFound:
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
        with translated():
            return DockerStream(self.api.logs(container, stdout=True, stderr=stderr, **options, **begin))

    def starts(self, project: str) -> Iterator[ContainerStart]:
        filters = {"type": "container", "event": "start", "label": [f"{PROJECT_LABEL}={project}"]}
        with translated():
            events = DockerStream(self.api.events(filters=filters, decode=True))
        return (
            ContainerStart(event["Actor"]["ID"], facts["name"], facts.get(SERVICE_LABEL, ""), int(event["time"]))
            for event in events
            for facts in (event["Actor"]["Attributes"],)
            if facts.get(ONE_OFF_LABEL, "False") != "True"
        )

    def limits(self, container: str) -> Limits:
        with translated():
            return parse_limits(self.api.inspect_container(container))

    def sample(self, container: str) -> Sample:
        with translated():
            return parse_sample(self.api.stats(container, stream=False, one_shot=True))

    def processes(self, container: str) -> tuple[str, ...]:
        with translated():
            return tuple(" ".join(columns) for columns in self.api.top(container).get("Processes") or ())

    def read_file(self, container: str, path: str) -> bytes | None:
        with translated():
            try:
                packed, _facts = self.api.get_archive(container, path)
            except NotFound:
                return None
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


def _missing_ok(missing_ok: bool = True) -> contextlib.AbstractContextManager[None]:
    return contextlib.suppress(NotFound) if missing_ok else contextlib.nullcontext()


def _just_started(replica: Replica) -> bool:
    """Tell whether the engine started a replica again, and nothing says that it is well since then."""
    return replica.running and replica.restarts > 0 and replica.health != "healthy"
