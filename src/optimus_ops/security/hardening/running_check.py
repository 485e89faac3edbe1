"""Hardening of the containers that run, and where they differ from what the Compose files say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from optimus_ops.engine.labels import ONE_OFF_LABEL
from optimus_ops.engine.port import Engine
from optimus_ops.reports.place import Place
from optimus_ops.security.hardening.container_settings import settings_of_container
from optimus_ops.security.hardening.rules import HARDENING
from optimus_ops.security.hardening.settings import ContainerSettings
from optimus_ops.security.model import ScanFinding
from optimus_ops.security.outcome import Outcome
from optimus_ops.security.rule import Rule

AREA = "running"
BY_FILES = frozenset({"plain-secret", "image-pin", "health-check"})
"""What is said of the files: a container adds nothing to it."""
RULES: Mapping[str, Rule] = {
    rule.name: Rule(AREA, rule.name, rule.severity, rule.finds, rule.hint)
    for rule in HARDENING
    if rule.name not in BY_FILES
}
DRIFT = Rule(
    *(AREA, "differs", "medium", "a container with other settings than the Compose files give it"),
    "invoke deploy replaces it",
)
UNKNOWN = Rule(
    *(AREA, "unknown-service", "low", "a container of a service that is in none of the Compose files"),
    "invoke down --remove-orphans, or docker rm",
)
ALL_RULES = (*RULES.values(), DRIFT, UNKNOWN)


def check_running(engine: Engine, project: str, wanted: Mapping[str, ContainerSettings]) -> Outcome:
    """Judge the containers of a project; `wanted` are the settings by service that the files give."""
    findings: dict[ScanFinding, None] = {}
    containers = engine.inspect(project)
    for raw in containers:
        found = settings_of_container(raw, project)
        findings |= dict.fromkeys(_wrong(found))
        if found.labels.get(ONE_OFF_LABEL) == "True":
            # A container of `docker compose run` has options of its own.
            continue
        if found.service in wanted:
            findings |= dict.fromkeys(_differences(wanted[found.service], found))
        elif wanted and found.service:
            message = f"a container of {found.service} runs, which no file describes"
            findings[UNKNOWN.finding(message, _place(found.service), identity=found.service)] = None
    return Outcome(f"{len(containers)} containers", tuple(findings))


def _place(service: str) -> Place:
    return Place(f"container:{service}")


def _wrong(found: ContainerSettings) -> Iterator[ScanFinding]:
    for rule in HARDENING:
        if rule.name in RULES:
            for message in rule.look(found):
                told = f"a container of {found.service} {message}"
                yield RULES[rule.name].finding(told, _place(found.service), identity=found.service)


def _differences(wanted: ContainerSettings, found: ContainerSettings) -> Iterator[ScanFinding]:
    for name, (should, does) in compared(wanted, found).items():
        message = f"{name} of a container of {found.service}: the files say {should or 'none'}, it has {does or 'none'}"
        yield DRIFT.finding(message, _place(found.service), identity=f"{found.service} {name}")


def compared(wanted: ContainerSettings, found: ContainerSettings) -> dict[str, tuple[str, str]]:
    """Return what differs: name -> as it should be, as it is."""
    pairs = {
        "user": (wanted.user, found.user if wanted.user else ""),
        "privileged": (str(wanted.privileged), str(found.privileged)),
        "read-only root": (str(wanted.read_only), str(found.read_only)),
        "dropped capabilities": (_names(wanted.cap_drop), _names(found.cap_drop)),
        "added capabilities": (_names(wanted.cap_add), _names(found.cap_add)),
        "no new privileges": (str(wanted.no_new_privileges), str(found.no_new_privileges)),
        "memory limit": (str(wanted.memory), str(found.memory)),
        "limit of processes": (str(wanted.pids), str(found.pids)),
        "mounts": (_mounts(wanted), _mounts(found)),
        "published addresses": (_addresses(wanted), _addresses(found)),
        "networks": (_names(wanted.networks), _names(found.networks)),
    }
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _names(names: frozenset[str]) -> str:
    return ", ".join(sorted(name.removeprefix("CAP_") for name in names))


def _mounts(found: ContainerSettings) -> str:
    return ", ".join(
        sorted(f"{mount.target}{'' if mount.writable else ' read-only'}" for mount in found.mounts if mount.bind)
    )


def _addresses(found: ContainerSettings) -> str:
    return ", ".join(sorted({port.address or "all" for port in found.published}))
