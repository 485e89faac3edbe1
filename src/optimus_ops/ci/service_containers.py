"""`services:` of a job: containers on this machine's engine, started before its first step, removed after its last.

act leaves services out where steps run on the host. So a run's copy of the workflow has one step more at either end of
such a job; the file itself stays as it is.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any

import yaml

from optimus_ops.engine.start_checks import busy
from optimus_ops.errors import Refused
from optimus_ops.model.stack import PublishedPort
from optimus_ops.project.yaml_nodes import YamlError
from optimus_ops.reports.place import Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from optimus_ops.ci.ci_plan import PlannedJob
    from optimus_ops.ci.model import Job, ServiceContainer

HEALTH = {
    "--health-cmd": "test",
    "--health-interval": "interval",
    "--health-timeout": "timeout",
    "--health-retries": "retries",
    "--health-start-period": "start_period",
}
PORTS = re.compile(r"(\d+):(\d+)(/(tcp|udp))?")


def compose_document(job: Job, file: str, images: Mapping[str, str], label: str) -> dict[str, Any]:
    """Return the Compose file of a job's services; `images` names this machine's image where it is another one.

    Raises:
        YamlError: a service has an option, a port or an expression that has no counterpart here.
    """
    services = {service.name: _service(service, file, images, label) for service in job.services}
    return {"services": services}


def with_service_steps(text: str, commands: Mapping[str, tuple[str, str]]) -> str:
    """Return a workflow's text with one step more at either end of jobs.

    Args:
        text: the file.
        commands: job id -> the command before its first step, and the one after its last.

    Raises:
        YamlError: the steps of such a job are no block of lines.
    """
    text = text.rstrip("\n") + "\n"
    lines = text.splitlines()
    jobs = _value(yaml.compose(text, Loader=yaml.SafeLoader), "jobs")
    insertions: list[tuple[int, str]] = []
    for job_id, (first, last) in commands.items():
        steps = _value(_value(jobs, job_id), "steps")
        start, column = steps.value[0].start_mark.line, steps.start_mark.column
        if steps.flow_style:
            place = Place("workflow", steps.start_mark.line + 1)
            raise YamlError(place, f"job {job_id!r} has services and its steps in brackets", "write a step a line")
        # A mapping in braces ends on its last line, one without at the beginning of what follows.
        end = steps.value[-1].end_mark.line + bool(steps.value[-1].flow_style)
        indent = " " * column
        insertions += [
            (start, f"{indent}- {{name: Start services, run: {_quoted(first)}}}"),
            (end, f'{indent}- {{name: Stop services, if: "always()", run: {_quoted(last)}}}'),
        ]
    for line, added in sorted(insertions, reverse=True):
        lines.insert(line, added)
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _value(node: yaml.Node | None, key: str) -> Any:
    assert isinstance(node, yaml.MappingNode)  # noqa: S101 - the file was read as a workflow before
    return next(value for name, value in node.value if name.value == key)


def _service(service: ServiceContainer, file: str, images: Mapping[str, str], label: str) -> dict[str, Any]:
    place = Place(file, service.line)
    texts = (service.image, *service.ports, *service.volumes, *service.environment.values(), service.options)
    if dynamic := next((text for text in texts if "${{" in text), ""):
        raise YamlError(place, f"service {service.name!r}: {dynamic} is known on GitHub only")
    ports = [_port(port, service.name, place) for port in service.ports]
    found: dict[str, Any] = {
        "image": images.get(service.image, service.image),
        "environment": {name: value.replace("$", "$$") for name, value in service.environment.items()},
        "ports": ports,
        "labels": {"com.optimus.ci-run": label},
        "networks": {"default": {"aliases": [service.name]}},
    }
    if service.volumes:
        found["volumes"] = list(service.volumes)
    if health := _health(service, place):
        found["healthcheck"] = health
    return found


def _port(text: str, name: str, place: Place) -> str:
    if not (found := PORTS.fullmatch(text)):
        raise YamlError(
            place,
            f"service {name!r}: port {text} would be published at one that GitHub chooses",
            "give both, as 5432:5432: `job.services` is empty in a local run",
        )
    return f"127.0.0.1:{found[1]}:{found[2]}{found[3] or ''}"


def _health(service: ServiceContainer, place: Place) -> dict[str, Any]:
    found: dict[str, Any] = {}
    words = iter([part for word in shlex.split(service.options) for part in _parts(word)])
    for word in words:
        if word not in HEALTH:
            raise YamlError(
                place, f"service {service.name!r}: option {word} has no counterpart in a local run", ", ".join(HEALTH)
            )
        value = next(words, "")
        found[HEALTH[word]] = ["CMD-SHELL", value.replace("$", "$$")] if word == "--health-cmd" else value
    if "retries" in found:
        found["retries"] = int(found["retries"])
    return found


def _parts(word: str) -> list[str]:
    """Split `--option=value`."""
    name, equals, value = word.partition("=")
    return [name, value] if equals and name.startswith("--") else [word]


def same_ports(jobs: tuple[Job, ...]) -> bool:
    """Tell whether jobs that may run at once publish the same port."""
    ports = [
        port.partition(":")[0]
        for job in jobs
        for _ in job.matrix.combinations or ({}, {})
        for service in job.services
        for port in service.ports
    ]
    return len(ports) != len(set(ports))


def check_free(entries: Iterable[PlannedJob]) -> None:
    """Refuse a run whose services would get ports that somebody else holds: another run, or any other program.

    Raises:
        Refused: with the service and the port.
    """
    for entry in entries:
        for service in entry.job.services:
            wanted = [found for text in service.ports if (found := PORTS.fullmatch(text)) and found[4] != "udp"]
            taken = busy(PublishedPort("127.0.0.1", int(found[1]), int(found[2])) for found in wanted)
            if taken:
                raise Refused(
                    f"port {taken[0].host_port} is in use, which service {service.name!r} of job {entry.id!r} needs",
                    "another run may be under way; else see what listens there: ss -ltnp",
                )


def write_services(job: Job, file: str, path: Path, images: Mapping[str, str], run_id: str) -> tuple[str, str]:
    """Write the Compose file of a job's services to a path; return the commands that start and stop them."""
    from optimus_ops.engine.docker_compose import shell_command  # noqa: PLC0415 - few workflows have services

    path.write_text(yaml.safe_dump(compose_document(job, file, images, run_id), sort_keys=False), "utf-8")
    name = f"ci-{run_id}-{path.stem.removeprefix('services-')}".lower()
    return (
        shell_command(name, path, "up", "--detach", "--wait", "--pull", "missing", "--quiet-pull"),
        shell_command(name, path, "down", "--volumes", "--timeout", "1"),
    )
