"""Hardening of the Compose files, in every combination of overlays that belongs together."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from optimus_ops.engine.compose_port import Compose
from optimus_ops.errors import Refused
from optimus_ops.reports.place import Place
from optimus_ops.security.hardening.compose_settings import internal_networks, settings_of_model
from optimus_ops.security.hardening.rules import HARDENING
from optimus_ops.security.hardening.settings import ContainerSettings
from optimus_ops.security.model import CouldNotRun
from optimus_ops.security.outcome import Outcome
from optimus_ops.security.rule import Rule

AREA = "compose"
RUNNING_ONLY = frozenset({"restart-loop"})
RULES: Mapping[str, Rule] = {
    rule.name: Rule(AREA, rule.name, rule.severity, rule.finds, rule.hint)
    for rule in HARDENING
    if rule.name not in RUNNING_ONLY
}
OPEN_STORE = Rule(
    *(
        AREA,
        "open-store",
        "medium",
        "a store (its data is a volume) on no network that is internal, so that it can reach out",
    ),
    "networks: one with internal: true",
)
ALL_RULES = (*RULES.values(), OPEN_STORE)
BASE_ALONE = "the base alone"
HEALTHCHECK = re.compile(r"^\s*HEALTHCHECK\s+(?!NONE)", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True)
class Combination:
    """Compose files that are read together."""

    overlays: tuple[str, ...]
    compose: Compose

    @property
    def name(self) -> str:
        """The overlays, as a person names them."""
        return " + ".join(self.overlays) or BASE_ALONE


def check_compose(combinations: Iterable[Combination], root: Path, image_users: Mapping[str, str]) -> Outcome:
    """Judge every combination; those that Compose refuses are named, since nobody can start them.

    Raises:
        CouldNotRun: it refuses all of them.
    """
    found: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    places: dict[str, Place] = {}
    judged, refused = [], []
    for combination in combinations:
        try:
            document = combination.compose.document()
            jobs = combination.compose.stack_of(document).jobs
        except Refused:
            refused.append(combination.name)
            continue
        judged.append(combination.name)
        for rule, service, message in _wrong(document, jobs, image_users):
            found[rule, service, message].append(combination.name)
            places.setdefault(service, service_place(combination.compose.files, service, root))
    if not judged:
        raise CouldNotRun("Compose can't read the files", "docker compose config")
    by_name = {rule.name: rule for rule in ALL_RULES}
    findings = [
        by_name[rule].finding(f"{service} {message}{_where(names, judged)}", places[service], identity=service)
        for (rule, service, message), names in found.items()
    ]
    scope = f"{len(judged)} combinations of Compose files"
    return Outcome(f"{scope}; Compose takes none of: {', '.join(refused)}" if refused else scope, tuple(findings))


def _with_health_checks(
    document: Mapping[str, Any], settings: Mapping[str, ContainerSettings]
) -> dict[str, ContainerSettings]:
    """Return settings with what the Dockerfiles say, where the Compose files leave health checks to them."""
    checked = {}
    for name, found in settings.items():
        build = document["services"][name].get("build") or {}
        path = Path(str(build.get("context") or "/nowhere"), str(build.get("dockerfile") or "Dockerfile"))
        says = found.healthcheck is None and path.is_file() and HEALTHCHECK.search(path.read_text("utf-8", "replace"))
        checked[name] = replace(found, healthcheck=True) if says else found
    return checked


def _wrong(
    document: Mapping[str, Any], jobs: Iterable[str], users: Mapping[str, str]
) -> Iterator[tuple[str, str, str]]:
    """Give rule, service and what is wrong."""
    internal = internal_networks(document)
    volumes = set(document.get("volumes") or {})
    services = settings_of_model(document, frozenset(jobs), users)
    for name, settings in _with_health_checks(document, services).items():
        for rule in (rule for rule in HARDENING if rule.name in RULES):
            yield from ((rule.name, name, message) for message in rule.look(settings))
        stores = any(not mount.bind and mount.writable and mount.source in volumes for mount in settings.mounts)
        if stores and not settings.networks & internal:
            yield OPEN_STORE.name, name, "keeps data and is on no internal network"


def _where(names: list[str], judged: list[str]) -> str:
    return "" if len(names) == len(judged) else f" ({'; '.join(names)})"


def service_place(files: Iterable[Path], service: str, root: Path) -> Place:
    """Return the place of a service in the last of some files that has it."""
    place = Place(service)
    for path in files:
        try:
            document = yaml.compose(path.read_text("utf-8"), Loader=yaml.SafeLoader)
        except (OSError, yaml.YAMLError):
            continue
        shown = str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
        for key, value in document.value if isinstance(document, yaml.MappingNode) else ():
            if key.value == "services" and isinstance(value, yaml.MappingNode):
                for name, _body in value.value:
                    if name.value == service:
                        place = Place(shown, name.start_mark.line + 1)
    return place
