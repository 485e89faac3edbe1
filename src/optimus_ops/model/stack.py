"""The merged Compose model (`docker compose config --format json`) as values.

Format: https://github.com/compose-spec/compose-spec/blob/main/spec.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optimus_ops.errors import Refused
from optimus_ops.model.container_inputs import Given, given_to
from optimus_ops.model.fixed_resources import fixed_things
from optimus_ops.model.pull_policy import PullPolicy
from optimus_ops.model.scalable import is_labelled, is_stateless

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping
    from pathlib import Path

STARTED = "service_started"
HEALTHY = "service_healthy"
COMPLETED = "service_completed_successfully"


@dataclass(frozen=True, slots=True)
class Dependency:
    """What a service needs of another one before it starts.

    Args:
        condition: service_started, service_healthy or service_completed_successfully.
        required: whether it can't start without.
        restart: whether it is restarted after the other one was replaced.
    """

    condition: str = STARTED
    required: bool = True
    restart: bool = False


@dataclass(frozen=True, slots=True)
class PublishedPort:
    """A port on the host that leads to a port of a container.

    Args:
        host_ip: the address it is bound to; "" stands for all.
        host_port: the port on the host; 0 where the engine chooses one, of all or of a range.
        target: the port in the container.
        protocol: tcp, udp or sctp.
    """

    host_ip: str
    host_port: int
    target: int
    protocol: str = "tcp"


@dataclass(frozen=True, slots=True)
class Service:
    """One service of the stack.

    Args:
        name: its name.
        image: the image it runs.
        builds: whether the project builds that image.
        base_images: the public images that its build starts from (build arguments named `…_IMAGE`).
        scalable: whether it may have more than one replica.
        default_replicas: how many replicas the files ask for.
        ports: the ports that it listens on (environment PORT, then `expose`).
        published: its ports on the host.
        depends_on: service -> what is needed of it; of services of the stack only.
        cpus: limit in cores; None without one.
        memory: limit in bytes; None without one.
        reserved_cpus: cores that one replica is promised; None without a reservation.
        reserved_memory: bytes that one replica is promised; None without a reservation.
        stop_seconds: grace between SIGTERM and SIGKILL.
        environment: variables of its containers, those of `env_file` included.
        labels: labels of its containers.
        fixed: what only one container can have, of a service that could have replicas without it.
        given: what its containers are given besides their image.
        restart: when the engine starts its containers again: no, always, on-failure or unless-stopped.
        pull_policy: as the files have it; "" where they say nothing.
    """

    name: str
    image: str
    builds: bool
    base_images: tuple[str, ...]
    scalable: bool
    default_replicas: int
    ports: tuple[int, ...]
    published: tuple[PublishedPort, ...]
    depends_on: Mapping[str, Dependency]
    cpus: float | None
    memory: int | None
    reserved_cpus: float | None
    reserved_memory: int | None
    stop_seconds: float
    environment: Mapping[str, str]
    labels: Mapping[str, str]
    given: tuple[Given, ...]
    fixed: tuple[str, ...] = ()
    restart: str = "no"
    pull_policy: str = ""


@dataclass(frozen=True, slots=True)
class Stack:
    """What is wanted.

    Args:
        project: Compose project name.
        services: name -> service, in the order of the files.
        balancer: name of the balancer if the stack has one.
        migrations: name of the migrations job if the stack has one.
    """

    project: str
    services: Mapping[str, Service]
    balancer: str | None
    migrations: str | None

    @property
    def jobs(self) -> frozenset[str]:
        """Return the one-shot services: the migrations, and those that another one waits for to end well."""
        waited_for = {
            needed
            for service in self.services.values()
            for needed, dependency in service.depends_on.items()
            if dependency.condition == COMPLETED
        }
        return frozenset(waited_for if self.migrations is None else {*waited_for, self.migrations})

    @property
    def public_images(self) -> tuple[str, ...]:
        """Return the images that come from elsewhere: those that services run and those that builds start from."""
        run = [image for image in self.images if image not in self.built_images]
        bases = [image for service in self.services.values() for image in service.base_images]
        return tuple(dict.fromkeys([*run, *bases]))

    @property
    def built_images(self) -> tuple[str, ...]:
        """Return the images that the project builds itself; others may run them, too."""
        return tuple(dict.fromkeys(service.image for service in self.services.values() if service.builds))

    def policy_of(self, image: str) -> PullPolicy:
        """Return when an image is pulled: as the first service says that runs it and says anything."""
        names = [service.pull_policy for service in self.services.values() if service.image == image]
        policy = next((name for name in names if name), "")
        return PullPolicy(policy, image in self.built_images, pinned="@" in image)

    @property
    def images(self) -> tuple[str, ...]:
        """Return the images that services run."""
        return tuple(dict.fromkeys(service.image for service in self.services.values()))

    @property
    def scalable(self) -> tuple[str, ...]:
        """Return the names of the services that may have more than one replica."""
        return tuple(name for name, service in self.services.items() if service.scalable)

    @property
    def routed(self) -> tuple[str, ...]:
        """The services that the balancer routes to: scalable ones with a port."""
        return tuple(name for name in self.scalable if self.services[name].ports) if self.balancer else ()

    def restarted_after(self, name: str, replaced: Container[str]) -> tuple[str, ...]:
        """Return those of some services that a service depends on with `restart: true`."""
        return tuple(
            needed
            for needed, dependency in self.services[name].depends_on.items()
            if dependency.restart and needed in replaced
        )


def parse_stack(document: Mapping[str, Any], *, balancer: str, migrations: str) -> Stack:
    """Make a stack of the merged model.

    Args:
        document: what `docker compose config --format json` printed.
        balancer: the balancer's service name; ignored if the stack has no such service.
        migrations: the migrations job's service name; likewise.
    """
    document = plain(document)
    raw: Mapping[str, Any] = document.get("services") or {}
    labelled = any(is_labelled(service.get("labels")) for service in raw.values())
    project = str(document.get("name", ""))
    # What ends by itself has one container; so has, if nothing says otherwise, what others meet as the balancer.
    jobs = {migrations, *_waited_for(raw)}
    named = {name: {**service, "image": image_of(project, name, service)} for name, service in raw.items()}
    services = {
        name: _service(
            name,
            service,
            given_to(service, document),
            labelled=labelled,
            single=name in jobs or (name == balancer and not labelled),
            known=raw,
        )
        for name, service in named.items()
    }
    return Stack(
        project=project,
        services=services,
        balancer=balancer if balancer in services else None,
        migrations=migrations if migrations in services else None,
    )


def plain(value: Any) -> Any:
    """Return a part of the merged model as it is meant: Compose prints `$$` where there is a `$`."""
    if isinstance(value, str):
        return value.replace("$$", "$")
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, list) else value


def image_of(project: str, name: str, service: Mapping[str, Any]) -> str:
    """Return the image's name of a service of the merged model; of one that only builds, Compose makes it up.

    Source: https://github.com/compose-spec/compose-spec/blob/main/build.md (consistency with `image`).
    """
    return str(service.get("image") or f"{project}-{name}")


def _waited_for(services: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of services that another one waits for to end well."""
    for service in services.values():
        for needed, told in (service.get("depends_on") or {}).items():
            if told.get("condition") == COMPLETED:
                yield needed


def _dependency(raw: Mapping[str, Any]) -> Dependency:
    condition = str(raw.get("condition", STARTED))
    return Dependency(condition, raw.get("required", True) is not False, raw.get("restart") is True)


def _service(
    name: str,
    raw: Mapping[str, Any],
    given: tuple[Given, ...],
    *,
    labelled: bool,
    single: bool,
    known: Container[str],
) -> Service:
    deploy: Mapping[str, Any] = raw.get("deploy") or {}
    resources: Mapping[str, Any] = deploy.get("resources") or {}
    limits: Mapping[str, Any] = resources.get("limits") or {}
    reserved: Mapping[str, Any] = resources.get("reservations") or {}
    replicas = not single and (is_labelled(raw.get("labels")) if labelled else is_stateless(raw))
    fixed = fixed_things(raw)
    return Service(
        name=name,
        image=str(raw["image"]),
        builds="build" in raw,
        base_images=_base_images(raw),
        scalable=replicas and not fixed,
        default_replicas=int(deploy.get("replicas", raw.get("scale", 1))),
        ports=_ports(raw),
        published=tuple(_published(name, port) for port in raw.get("ports") or ()),
        depends_on={
            needed: _dependency(told) for needed, told in (raw.get("depends_on") or {}).items() if needed in known
        },
        cpus=_number(limits.get("cpus")),
        memory=_whole(limits.get("memory")),
        reserved_cpus=_number(reserved.get("cpus")),
        reserved_memory=_whole(reserved.get("memory")),
        stop_seconds=parse_duration(str(raw.get("stop_grace_period", "10s"))),
        environment={key: str(value) for key, value in (raw.get("environment") or {}).items() if value is not None},
        labels=_labels(raw.get("labels")),
        given=given,
        pull_policy=str(raw.get("pull_policy") or ""),
        fixed=fixed if replicas else (),
        restart=str(raw.get("restart") or "no").partition(":")[0],
    )


def _labels(raw: object) -> dict[str, str]:
    if isinstance(raw, dict):
        return {str(key): str(value) for key, value in raw.items()}
    pairs = (str(label).partition("=") for label in raw) if isinstance(raw, list) else ()
    return {key: value for key, _equals, value in pairs}


def _base_images(raw: Mapping[str, Any]) -> tuple[str, ...]:
    arguments: Mapping[str, Any] = (raw.get("build") or {}).get("args") or {}
    return tuple(str(value) for name, value in arguments.items() if name.endswith("_IMAGE") and value)


def _ports(raw: Mapping[str, Any]) -> tuple[int, ...]:
    environment: Mapping[str, Any] = raw.get("environment") or {}
    found = [str(environment.get("PORT") or ""), *(str(port).partition("/")[0] for port in raw.get("expose") or ())]
    return tuple(dict.fromkeys(int(port) for port in found if port.isdigit()))


def _published(name: str, raw: Mapping[str, Any]) -> PublishedPort:
    published = str(raw.get("published") or "0")
    ends = published.split("-")
    if len(ends) > 2 or not all(end.isdigit() and int(end) <= 65535 for end in ends):
        raise Refused(f"{name}: the published port {published!r} is not a port number", "give one from 1 to 65535")
    host_port = int(published) if len(ends) == 1 else 0
    return PublishedPort(str(raw.get("host_ip") or ""), host_port, int(raw["target"]), str(raw.get("protocol", "tcp")))


def _number(value: object) -> float | None:
    return None if value is None else float(str(value))


def _whole(value: object) -> int | None:
    return None if value is None else int(str(value))


def parse_duration(text: str) -> float:
    """Return the seconds of a Compose duration such as `1m20s`, `80s` or `500ms`.

    Raises:
        Refused: it is none.
    """
    units = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6}
    total, digits, rest = 0.0, "", text.strip()
    while rest:
        digits = rest[: len(rest) - len(rest.lstrip("0123456789."))]
        rest = rest[len(digits) :]
        unit = rest[: len(rest) - len(rest.lstrip("hmsu"))]
        rest = rest[len(unit) :]
        if unit not in units or digits.count(".") > 1 or not digits.strip("."):
            raise Refused(f"{text!r} is not a duration", "write it as in 1m20s")
        total += float(digits) * units[unit]
    return total


def parse_count(text: str, flag: str) -> int:
    """Return the number of replicas that a flag asks for.

    Raises:
        Refused: it is not a whole number of at least one.
    """
    most = 999
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= most:
        raise Refused(
            f"{flag} {text}: a number of replicas is a whole number from 1 to {most}", "to stop all: invoke down"
        )
    return int(text)


def stack_files(files: tuple[Path, ...]) -> tuple[str, ...]:
    """Return the `-f` arguments for a list of Compose files."""
    return tuple(argument for path in files for argument in ("-f", str(path)))
