"""Observing a project through the Docker API.

API: https://docs.docker.com/reference/api/engine/
"""

from __future__ import annotations

import contextlib
import http.client
import io
import os
import tarfile
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from docker.errors import APIError, DockerException, ImageNotFound, NotFound

from optimus_ops.engine.client import CONNECT_HINT, engine_client, unreachable
from optimus_ops.errors import MachineLacks, OpsError
from optimus_ops.model.image_names import repository_of, tag_of
from optimus_ops.model.stack import PublishedPort
from optimus_ops.model.state import STOP_SECONDS, Replica, State, sorted_state

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

PROJECT_LABEL = "com.docker.compose.project"
SERVICE_LABEL = "com.docker.compose.service"
NUMBER_LABEL = "com.docker.compose.container-number"
FOLDER_LABEL = "com.docker.compose.project.working_dir"
FILES_LABEL = "com.docker.compose.project.config_files"
HASH_LABEL = "com.docker.compose.config-hash"
ONE_OFF_LABEL = "com.docker.compose.oneoff"

SETTLED_SECONDS = 10.0
"""A run that is shorter counts as failed for the engine, too: before the next one it waits for longer."""

KILLED = 128 + 9
"""Exit code of a process that SIGKILL ended."""


@dataclass(frozen=True)
class Docker:
    """The engine, asked through its API. Every method raises `MachineLacks` if it doesn't answer.

    Args:
        api: the client of the API.
        node: the engine's host.
        root: the folder on that host where images, containers and volumes are.
        memory: of that host, in bytes.
        cpus: cores of that host.
    """

    api: Any
    node: str
    root: str = ""
    memory: int = 0
    cpus: float = 0.0

    @classmethod
    def connect(cls, *, timeout: float = 60.0) -> Docker:
        """Connect to the engine that the environment names (see `engine.client`).

        Raises:
            Refused: the environment names an engine in a way that can't be meant.
            MachineLacks: no engine answers.
        """
        try:
            api = engine_client(timeout=timeout)
            # A local socket has no proxy: looking for one at each request would cost more than the asking.
            api.trust_env = not str(api.base_url).startswith("http+docker")
            info = api.info()
        except (DockerException, OSError) as error:
            raise unreachable(error) from error
        host = (int(info.get("MemTotal", 0)), float(info.get("NCPU", 0)))
        return cls(api, str(info.get("Name", "")), str(info.get("DockerRootDir", "")), *host)

    def answers(self) -> bool:
        """Tell whether the engine still answers."""
        try:
            return bool(self.api.ping())
        except (DockerException, OSError):
            return False

    def observe(self, project: str, services: Collection[str] | None = None, *, one_off: bool = False) -> State:
        """Return what is there of a Compose project: all its containers, those of `docker compose run` apart.

        The digest tells them from containers that somebody started of an image which Compose built: those inherit the
        project from the image's labels.

        Args:
            project: its name.
            services: look at the containers of these only.
            one_off: whether the containers of `docker compose run` are meant, and not the others.
        """
        with asked():
            listed = self.api.containers(all=True, filters={"label": [f"{PROJECT_LABEL}={project}", HASH_LABEL]})
            found = [
                replica
                for container in listed
                if (container["Labels"].get(ONE_OFF_LABEL, "False") == "True") is one_off
                and (services is None or container["Labels"].get(SERVICE_LABEL) in services)
                for replica in self._inspect(container["Id"])
            ]
            return sorted_state(project, self._with_crashing(found))

    def _with_crashing(self, found: Sequence[Replica]) -> Iterator[Replica]:
        """Mark those that the engine has only just started again: most of the time these wait for the next start."""
        suspects = {replica.id for replica in found if _just_started(replica)}
        # The engine's own clock: it is the one that the start was written down by.
        now = parse_time(str(self.api.info().get("SystemTime", ""))) if suspects else None
        for replica in found:
            started = replica.started_at if replica.id in suspects else None
            age = (now - started).total_seconds() if now and started else SETTLED_SECONDS
            yield replace(replica, crashing=age < SETTLED_SECONDS)

    def _inspect(self, container: str) -> Iterator[Replica]:
        # A container may be gone between the listing and the look at it.
        with contextlib.suppress(NotFound):
            yield parse_replica(self.api.inspect_container(container), self.node)

    def images(self, names: Iterable[str]) -> dict[str, str]:
        """Return the ids of those of the named images that are on the machine."""
        found: dict[str, str] = {}
        with asked():
            for name in dict.fromkeys(names):
                with contextlib.suppress(ImageNotFound):
                    found[name] = str(self.api.inspect_image(name)["Id"])
        return found

    def logs(self, container: str, *, tail: int = 25, stderr: bool = True) -> tuple[str, ...]:
        """Return the last lines that a container wrote, those of its standard error among them if wanted."""
        with asked():
            try:
                text: bytes = self.api.logs(container, stdout=True, stderr=stderr, tail=tail)
            except NotFound:
                return ()
        return tuple(text.decode("utf-8", "replace").splitlines())

    def read_file(self, container: str, path: str) -> bytes | None:
        """Return what is in a file of a container, running or not; None if there is no such file."""
        with asked():
            try:
                packed, _facts = self.api.get_archive(container, path)
            except NotFound:
                return None
            whole = io.BytesIO(b"".join(packed))
        with tarfile.open(fileobj=whole) as archive:
            file = archive.extractfile(archive.getmembers()[0])
        return file.read() if file is not None else None

    def stop(self, container: str, *, seconds: float) -> bool:
        """Send the container's stop signal and wait; SIGKILL after `seconds`.

        Returns:
            whether it ended by itself; False if it had to be killed.
        """
        with asked():
            try:
                self.api.stop(container, timeout=int(seconds))
                state = self.api.inspect_container(container)["State"]
            except NotFound:
                return True
        return int(state.get("ExitCode", 0)) != KILLED

    def remove(self, container: str) -> None:
        """Remove a container, running or not, with its anonymous volumes; one that is being removed is waited for."""
        with asked(), contextlib.suppress(NotFound):
            try:
                self.api.remove_container(container, force=True, v=True)
            except APIError as error:
                if error.status_code != http.client.CONFLICT or "in progress" not in str(error.explanation):
                    raise
                self.api.wait(container, condition="removed")

    def start(self, container: str) -> None:
        """Start a container that was stopped."""
        with asked(), contextlib.suppress(NotFound):
            self.api.start(container)

    def restart(self, container: str, *, seconds: float) -> None:
        """Stop a container, whatever it does, and start it; its count of restarts begins anew."""
        with asked(), contextlib.suppress(NotFound):
            self.api.restart(container, timeout=int(seconds))

    def pause(self, container: str) -> None:
        """Freeze a container."""
        with asked(), contextlib.suppress(NotFound):
            self.api.pause(container)

    def unpause(self, container: str) -> None:
        """Let a container go on that was frozen."""
        with asked(), contextlib.suppress(NotFound):
            self.api.unpause(container)

    def signal(self, container: str, name: str) -> None:
        """Send a signal to a container's first process."""
        with asked():
            self.api.kill(container, signal=name)

    def command(self, container: str) -> tuple[str, ...]:
        """Return the command that a container runs, without its entrypoint."""
        with asked():
            command = self.api.inspect_container(container)["Config"].get("Cmd") or ()
        return tuple(str(word) for word in command)

    def tag(self, image: str, name: str) -> None:
        """Give an image (an id or a name) a name."""
        with asked():
            self.api.tag(image, repository_of(name), tag_of(name), force=True)

    def untag(self, name: str) -> None:
        """Take a name from an image, and remove the image if it was the last one and nothing uses it."""
        with asked(), contextlib.suppress(ImageNotFound):
            self.api.remove_image(name, force=False)

    def remove_network(self, name: str) -> bool:
        """Remove a network; False if there was none."""
        with asked():
            try:
                self.api.remove_network(name)
            except NotFound:
                return False
        return True

    def files(self, project: str, *, stopped: bool = False) -> tuple[str, ...]:
        """Return the paths of the Compose files that the containers that run, or all, were made from."""
        with asked():
            listed = self.api.containers(all=stopped, filters={"label": [f"{PROJECT_LABEL}={project}"]})
        named = (str(container["Labels"].get(FILES_LABEL, "")) for container in listed)
        return tuple(dict.fromkeys(path for text in named for path in text.split(",") if path))

    def networks(self, project: str) -> tuple[str, ...]:
        """Return the names of the project's networks."""
        with asked():
            listed = self.api.networks(filters={"label": [f"{PROJECT_LABEL}={project}"]})
        return tuple(sorted(str(network["Name"]) for network in listed))

    def network_users(self, name: str) -> dict[str, str]:
        """Return id -> name of the containers that are connected to a network; none if it is gone."""
        with asked():
            try:
                found = self.api.inspect_network(name)
            except NotFound:
                return {}
        return {key: str(container.get("Name", "")) for key, container in (found.get("Containers") or {}).items()}

    def inspect_images(self, names: Iterable[str]) -> tuple[Mapping[str, Any], ...]:
        """Return what the engine knows of those of the named images that are on the machine."""
        found: list[Mapping[str, Any]] = []
        with asked():
            for name in dict.fromkeys(names):
                with contextlib.suppress(ImageNotFound):
                    found.append(self.api.inspect_image(name))
        return tuple(found)

    def names(self, image: str) -> tuple[str, ...]:
        """Return the names of an image, by its id; none if it is gone."""
        return tuple(name for found in self.inspect_images([image]) for name in found.get("RepoTags") or ())

    def nameless_images(self, label: str) -> tuple[Mapping[str, Any], ...]:
        """Return the images without a name that have a label."""
        with asked():
            return tuple(self.api.images(filters={"dangling": True, "label": label}))

    def used_images(self) -> frozenset[str]:
        """Return the ids of the images of all containers of the engine."""
        with asked():
            return frozenset(str(container["ImageID"]) for container in self.api.containers(all=True))

    def volumes(self, project: str) -> tuple[str, ...]:
        """Return the names of the project's volumes."""
        with asked():
            listed = self.api.volumes(filters={"label": [f"{PROJECT_LABEL}={project}"]})
        return tuple(sorted(str(volume["Name"]) for volume in listed.get("Volumes") or ()))

    def remove_volume(self, name: str) -> None:
        """Remove a volume."""
        with asked(), contextlib.suppress(NotFound):
            self.api.remove_volume(name)


@contextlib.contextmanager
def asked() -> Iterator[None]:
    """Turn what the API client raises into the library's errors."""
    try:
        yield
    except APIError as error:
        raise OpsError(f"the Docker engine refused: {error.explanation or error}") from error
    except (DockerException, OSError) as error:
        raise MachineLacks(f"the Docker engine stopped answering ({_short(error)})", CONNECT_HINT) from error


def parse_replica(raw: Mapping[str, Any], node: str) -> Replica:
    """Make a replica of what `GET /containers/{id}/json` answers."""
    labels: Mapping[str, str] = raw["Config"].get("Labels") or {}
    state: Mapping[str, Any] = raw["State"]
    networks: Mapping[str, Any] = raw["NetworkSettings"].get("Networks") or {}
    return Replica(
        id=str(raw["Id"]),
        name=str(raw["Name"]).lstrip("/"),
        service=labels.get(SERVICE_LABEL, ""),
        number=int(labels.get(NUMBER_LABEL) or 0),
        image=str(raw["Config"].get("Image", "")),
        image_id=str(raw.get("Image", "")),
        status=str(state.get("Status", "")),
        health=_health(state),
        hostname=str(raw["Config"].get("Hostname", "")),
        addresses={name: str(network.get("IPAddress", "")) for name, network in networks.items()},
        started_at=parse_time(str(state.get("StartedAt", ""))),
        exit_code=int(state.get("ExitCode", 0)),
        node=node,
        folder=os.path.realpath(labels[FOLDER_LABEL]) if FOLDER_LABEL in labels else "",
        config_hash=labels.get(HASH_LABEL, ""),
        restarts=int(raw.get("RestartCount", 0)),
        created_at=parse_time(str(raw.get("Created", ""))),
        environment=_environment(raw["Config"].get("Env") or ()),
        published=tuple(_published(raw["NetworkSettings"].get("Ports") or {})),
        stop_seconds=float(raw["Config"].get("StopTimeout") or STOP_SECONDS),
        labels=labels,
    )


def _published(bound: Mapping[str, Any]) -> Iterator[PublishedPort]:
    """Yield the bindings of `{"8010/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8010"}], "80/tcp": null}`."""
    for name, bindings in bound.items():
        target, _slash, protocol = name.partition("/")
        for binding in bindings or ():
            yield PublishedPort(str(binding["HostIp"]), int(binding["HostPort"]), int(target), protocol)


def _just_started(replica: Replica) -> bool:
    """Tell whether the engine started a replica again, and nothing says that it is well since then."""
    return replica.running and replica.restarts > 0 and replica.health != "healthy"


def _environment(pairs: Iterable[str]) -> dict[str, str]:
    split = (pair.partition("=") for pair in pairs)
    return {name: value for name, _equals, value in split}


def _health(state: Mapping[str, Any]) -> str | None:
    status = (state.get("Health") or {}).get("Status")
    return None if status in {None, "none"} else str(status)


def parse_time(text: str) -> datetime | None:
    """Return a time of the engine (RFC 3339, nanoseconds); None for the zero time of a container that never ran."""
    if not text or text.startswith("0001-"):
        return None
    seconds, _, fraction = text.removesuffix("Z").partition(".")
    try:
        return datetime.fromisoformat(f"{seconds}.{fraction[:6]:0<6}+00:00")
    except ValueError:
        return None


def _short(error: BaseException) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
