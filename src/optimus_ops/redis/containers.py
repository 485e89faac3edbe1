"""Redis in a Compose project: which containers there are, what each is for, where it is reached, who may ask it.

Labels and environment tell; where a project has none, names do:

| | read | else |
|---|---|---|
| part | label `com.optimus.redis`: state, cache or sentinel | `sentinel` or `cache` in the service's name; state |
| user | REDIS_USERNAME | the default user |
| password | the file that REDIS_PASSWORD_FILE names, of the same name among the operator's secrets | REDIS_PASSWORD |
| port | REDIS_PORT | 6379, of a sentinel 26379 |
| address | REDIS_ADDRESS | of its first network |
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from docker.errors import NotFound

from optimus_ops.engine.observe import PROJECT_LABEL, SERVICE_LABEL, asked
from optimus_ops.redis.address_book import AddressBook
from optimus_ops.redis.model import Address, Node, Purpose
from optimus_ops.status.stores import REDIS_IMAGE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from optimus_ops.engine.observe import Docker

ROLE_LABEL = "com.optimus.redis"
ONE_OFF_LABEL = "com.docker.compose.oneoff"
DEFAULT_PORTS = {"state": 6379, "cache": 6379, "sentinel": 26379}

Role = Literal["state", "cache", "sentinel"]
ROLES: tuple[Role, ...] = ("state", "cache", "sentinel")


@dataclass(frozen=True, slots=True)
class RedisContainer:
    """A container with a Redis server or a sentinel in it.

    Args:
        id: its full id.
        name: its name.
        service: the service that it belongs to.
        role: what it is for.
        status: the engine's word: running, paused, exited, …
        image: the image that it was made of.
        user: whom its processes run as; "" for the image's own.
        hosts: every address and name that means it, the one to reach it by first.
        port: where it listens.
        login: the ACL user that may ask it everything; "" for the default user.
        secret: name of that user's password among the operator's secrets.
        master: the name by which sentinels know the master, where its environment says it.
        volumes: folder in the container -> name of the volume there.
        command: what it runs.
        drill: whether it may be drilled ("allowed"), as its label says.
    """

    id: str
    name: str
    service: str
    role: Role
    status: str
    image: str
    user: str
    hosts: tuple[str, ...]
    port: int
    login: str
    secret: str
    master: str
    volumes: Mapping[str, str]
    command: tuple[str, ...]
    drill: str

    @property
    def node(self) -> Node:
        """Return it as something to look at."""
        absence = "" if self.status == "running" else f"its container is {self.status}"
        if not absence and not self.hosts:
            absence = "its container has no network"
        purpose: Purpose = "unknown" if self.role == "sentinel" else self.role
        return Node(self.service_name, Address(self.hosts[0] if self.hosts else self.name, self.port), purpose, absence)

    @property
    def service_name(self) -> str:
        """Return what a person calls it: its service, since a service of Redis has one container."""
        return self.service or self.name


def find_redis(docker: Docker, project: str) -> tuple[RedisContainer, ...]:
    """Return a project's Redis servers and sentinels, running or not, in the order of their names.

    Raises:
        MachineLacks: the engine does not answer.
    """
    with asked():
        listed = docker.api.containers(all=True, filters={"label": [f"{PROJECT_LABEL}={project}"]})
        found = [raw for container in listed for raw in _inspected(docker, str(container["Id"]))]
    made = [parse_container(raw) for raw in found if is_redis(raw)]
    return tuple(sorted(made, key=lambda one: (ROLES.index(one.role), one.service, one.name)))


def _inspected(docker: Docker, container: str) -> Iterator[Mapping[str, Any]]:
    try:
        yield docker.api.inspect_container(container)
    except NotFound:
        # It went between the listing and the look at it.
        return


def is_redis(raw: Mapping[str, Any]) -> bool:
    """Tell whether a container is a long-running Redis server or sentinel, by its label or its image's name."""
    labels = raw["Config"].get("Labels") or {}
    if labels.get(ONE_OFF_LABEL, "False") == "True":
        return False
    return ROLE_LABEL in labels or REDIS_IMAGE.search(str(raw["Config"].get("Image", ""))) is not None


def parse_container(raw: Mapping[str, Any]) -> RedisContainer:
    """Make one of what `GET /containers/{id}/json` answers."""
    config: Mapping[str, Any] = raw["Config"]
    labels: Mapping[str, str] = config.get("Labels") or {}
    environment = dict(pair.split("=", 1) for pair in config.get("Env") or () if "=" in pair)
    service = labels.get(SERVICE_LABEL, "")
    role = _role(labels.get(ROLE_LABEL, ""), service)
    port = environment.get("REDIS_PORT", "")
    return RedisContainer(
        id=str(raw["Id"]),
        name=str(raw["Name"]).lstrip("/"),
        service=service,
        role=role,
        status=str(raw["State"].get("Status", "")),
        image=str(raw.get("Image") or config.get("Image", "")),
        user=str(config.get("User", "")),
        hosts=tuple(dict.fromkeys(_hosts(raw, environment))),
        port=int(port) if port.isdigit() else DEFAULT_PORTS[role],
        login=environment.get("REDIS_USERNAME", ""),
        secret=environment.get("REDIS_PASSWORD_FILE", "REDIS_PASSWORD").rpartition("/")[2],
        master=environment.get("REDIS_SENTINEL_MASTER", ""),
        volumes={
            str(mount["Destination"]): str(mount["Name"])
            for mount in raw.get("Mounts") or ()
            if mount.get("Type") == "volume"
        },
        command=tuple(str(word) for word in config.get("Cmd") or ()),
        drill=labels.get("com.optimus.drill", ""),
    )


def _role(label: str, service: str) -> Role:
    if label in {"state", "cache", "sentinel"}:
        return label  # type: ignore[return-value]  # one of the three
    return "sentinel" if "sentinel" in service else ("cache" if "cache" in service else "state")


def _hosts(raw: Mapping[str, Any], environment: Mapping[str, str]) -> Iterator[str]:
    """Give every address and name of a container, those first by which others know it."""
    networks: Mapping[str, Any] = raw["NetworkSettings"].get("Networks") or {}
    current = [str(network.get("IPAddress") or "") for network in networks.values()]
    fixed = [str((network.get("IPAMConfig") or {}).get("IPv4Address") or "") for network in networks.values()]
    addresses = [address for address in (*current, *fixed) if address]
    own = environment.get("REDIS_ADDRESS", "")
    if own in addresses:
        yield own
    yield from addresses
    yield str(raw["Name"]).lstrip("/")
    for network in networks.values():
        yield from (str(name) for name in network.get("DNSNames") or network.get("Aliases") or ())


def address_book_of(containers: Iterable[RedisContainer]) -> AddressBook:
    """Return which addresses and names mean which container."""
    return AddressBook({host: one.service_name for one in containers for host in one.hosts})
