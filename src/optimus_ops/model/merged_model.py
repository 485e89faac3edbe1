"""The merged Compose model (`docker compose config --format json`), read into a stack.

Format: https://github.com/compose-spec/compose-spec/blob/main/spec.md
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optimus_ops.errors import Refused
from optimus_ops.model.container_inputs import container_inputs, labels_of
from optimus_ops.model.dockerfiles import base_images
from optimus_ops.model.scalable import fixed_resources, is_labelled, is_stateless
from optimus_ops.model.stack import COMPLETED, STARTED, Dependency, PublishedPort, Service, Stack
from optimus_ops.text.durations import compose_duration


def parse_stack(
    document: Mapping[str, Any], *, balancer: str, migrations: str, dockerfiles: Mapping[str, str] | None = None
) -> Stack:
    """Read the merged model; a balancer or migrations job that is no service of it is ignored.

    `dockerfiles` has the Dockerfiles' texts by service, as far as they can be read.
    """
    document = plain(document)
    raw: Mapping[str, Any] = document.get("services") or {}
    project = str(document.get("name", ""))
    labelled = any(is_labelled(service.get("labels")) for service in raw.values())
    # What ends by itself has one container; so has, if nothing says otherwise, what others meet as the balancer.
    single = {migrations} | ({balancer} if not labelled else set())
    for service in raw.values():
        needed = (service.get("depends_on") or {}).items()
        single |= {name for name, dependency in needed if dependency.get("condition") == COMPLETED}
    services = {}
    for name, service in raw.items():
        named = {**service, "image": image_of(project, name, service)}
        replicas = name not in single and (is_labelled(service.get("labels")) if labelled else is_stateless(service))
        bases = base_images(service.get("build"), (dockerfiles or {}).get(name))
        services[name] = _service(name, named, document, bases, replicas=replicas)
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


def _service(
    name: str, raw: Mapping[str, Any], document: Mapping[str, Any], bases: tuple[str, ...], *, replicas: bool
) -> Service:
    deploy: Mapping[str, Any] = raw.get("deploy") or {}
    resources: Mapping[str, Any] = deploy.get("resources") or {}
    limits: Mapping[str, Any] = resources.get("limits") or {}
    reserved: Mapping[str, Any] = resources.get("reservations") or {}
    fixed = tuple(fixed_resources(raw))
    depends_on = (raw.get("depends_on") or {}).items()
    return Service(
        name=name,
        image=str(raw["image"]),
        builds="build" in raw,
        base_images=bases,
        scalable=replicas and not fixed,
        default_replicas=int(deploy.get("replicas", raw.get("scale", 1))),
        ports=_ports(raw),
        published=tuple(_published(name, port) for port in raw.get("ports") or ()),
        depends_on={needed: _dependency(entry) for needed, entry in depends_on if needed in document["services"]},
        cpus=_float(limits.get("cpus")),
        memory=_int(limits.get("memory")),
        reserved_cpus=_float(reserved.get("cpus")),
        reserved_memory=_int(reserved.get("memory")),
        stop_seconds=compose_duration(str(raw.get("stop_grace_period", "10s"))),
        environment={key: str(value) for key, value in (raw.get("environment") or {}).items() if value is not None},
        labels=labels_of(raw),
        inputs=container_inputs(raw, document),
        pull_policy=str(raw.get("pull_policy") or ""),
        fixed=fixed if replicas else (),
        restart=str(raw.get("restart") or "no").partition(":")[0],
    )


def _dependency(raw: Mapping[str, Any]) -> Dependency:
    condition = str(raw.get("condition", STARTED))
    return Dependency(condition, raw.get("required", True) is not False, raw.get("restart") is True)


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


def _float(value: object) -> float | None:
    return None if value is None else float(str(value))


def _int(value: object) -> int | None:
    return None if value is None else int(str(value))
