"""Secrets that containers give away: in what `docker inspect` shows, in process arguments, logs and mounted folders."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from optimus_ops.engine.errors import EngineRefused, NoSuchThing
from optimus_ops.engine.labels import SERVICE_LABEL
from optimus_ops.engine.port import Engine
from optimus_ops.reports.place import Place
from optimus_ops.security.exposure.leaks import LeakRules
from optimus_ops.security.exposure.matcher import Match, Matcher
from optimus_ops.security.model import ScanFinding
from optimus_ops.security.outcome import Outcome
from optimus_ops.security.rule import Rule

LEAKS = LeakRules.of(
    "containers", "in what an engine shows of a container", "and hand it over as a file (/run/secrets)"
)
SECRET_VARIABLE = Rule(
    *(
        "containers",
        "secret-variable",
        "high",
        "an environment variable of a container that is named like a secret and has a value",
    ),
    "hand it over as a file: NAME_FILE=/run/secrets/NAME",
)
FOREIGN_SECRETS = Rule(
    *(
        "containers",
        "foreign-secrets",
        "high",
        "a mount by which a service reads secrets that the schema does not give it",
    ),
    "mount the service's own folder of .optimus/secrets alone, read-only",
)
UNKNOWN_SECRET = Rule(
    *(
        "containers",
        "unknown-secret",
        "medium",
        "a file in a service's folder of secrets that the schema does not give it",
    ),
    "invoke secrets.init removes it",
)
RULES = (*LEAKS.all, SECRET_VARIABLE, FOREIGN_SECRETS, UNKNOWN_SECRET)
LOG_LINES = 5000
"""The last lines of each container's log: some minutes under load, weeks without."""
NAMED_LIKE_SECRETS = re.compile(r"(?:^|[_.-])(?:PASSWORD|PASSWD|SECRET|TOKEN|API_?KEYS?|PRIVATE_KEY|CREDENTIALS?)$")


def container_leaks(
    engine: Engine, project: str, matcher: Matcher, secrets: Path, granted: Mapping[str, Collection[str]]
) -> Outcome:
    """Look at the containers of a project; `granted` is folder of `secrets` -> files that the schema puts there."""
    findings: list[ScanFinding] = []
    containers = engine.inspect(project)
    for raw in containers:
        service = str((raw["Config"].get("Labels") or {}).get(SERVICE_LABEL, ""))
        findings += _shown_by_engine(raw, service, matcher)
        findings += _running(engine, raw, service, matcher)
        findings += _mounted(raw, service, secrets, granted)
    findings += _not_granted(secrets, granted)
    scope = f"{len(containers)} containers: configuration, arguments, mounts, the last {LOG_LINES:,} lines of logs"
    return Outcome(scope, tuple(dict.fromkeys(findings)))


def _place(service: str, part: str) -> Place:
    return Place(f"container:{service}/{part}")


def _shown_by_engine(raw: Mapping[str, Any], service: str, matcher: Matcher) -> Iterator[ScanFinding]:
    config = raw["Config"]
    parts = {
        "environment": [str(pair) for pair in config.get("Env") or ()],
        "command": [
            str(raw.get("Path") or ""),
            *_words(raw.get("Args")),
            *_words(config.get("Cmd")),
            *_words(config.get("Entrypoint")),
        ],
        "labels": [f"{name}={value}" for name, value in (config.get("Labels") or {}).items()],
        "healthcheck": _words((config.get("Healthcheck") or {}).get("Test")),
        "health-log": [
            str(entry.get("Output", "")) for entry in ((raw.get("State") or {}).get("Health") or {}).get("Log") or ()
        ],
    }
    for part, texts in parts.items():
        for match in matcher.find("\n".join(texts).encode()):
            yield LEAKS.finding(match, f"the {part} of a container of {service}", _place(service, part))
    for name, _, value in (pair.partition("=") for pair in parts["environment"]):
        if value and NAMED_LIKE_SECRETS.search(name):
            yield SECRET_VARIABLE.finding(
                f"{name} of {service} has a value", _place(service, "environment"), identity=name
            )


def _words(value: object) -> list[str]:
    return [value] if isinstance(value, str) else [str(word) for word in value] if isinstance(value, list) else []


def _running(engine: Engine, raw: Mapping[str, Any], service: str, matcher: Matcher) -> Iterator[ScanFinding]:
    lines = {"log": engine.logs(str(raw["Id"]), tail=LOG_LINES)}
    if (raw.get("State") or {}).get("Running"):
        try:
            lines["arguments"] = engine.processes(str(raw["Id"]))
        except (NoSuchThing, EngineRefused):
            # It ended since it was listed: then it has no processes.
            lines["arguments"] = ()
    for part, texts in lines.items():
        identities: dict[str, Match] = {}
        for match in matcher.find("\n".join(texts).encode()):
            identities.setdefault(match.identity, match)
        for match in identities.values():
            yield LEAKS.finding(match, f"the {part} of a container of {service}", _place(service, part))


def _mounted(
    raw: Mapping[str, Any], service: str, secrets: Path, granted: Mapping[str, Collection[str]]
) -> Iterator[ScanFinding]:
    """Look at the mounts: one folder of secrets for each service, which the schema knows."""
    folder = PurePosixPath(str(secrets))
    own = ""
    for mount in raw.get("Mounts") or ():
        source, target = PurePosixPath(str(mount.get("Source") or "")), str(mount.get("Destination", ""))
        place = _place(service, "mounts")
        if mount.get("Type") != "bind":
            continue
        if source == folder or source in folder.parents:
            message = f"{service} reads the secrets of all services at {target}"
            yield FOREIGN_SECRETS.finding(message, place, identity=target)
        elif folder in source.parents:
            name = source.relative_to(folder).parts[0]
            if (granted and name not in granted) or own not in {"", name}:
                message = f"{service} reads the secrets of {name} at {target}"
                yield FOREIGN_SECRETS.finding(message, place, identity=target)
            own = own or name


def _not_granted(secrets: Path, granted: Mapping[str, Collection[str]]) -> Iterator[ScanFinding]:
    """Compare the folders that are mounted with the schema; without a schema nothing is granted or refused."""
    for folder in sorted(secrets.iterdir()) if granted and secrets.is_dir() else ():
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if path.name not in granted.get(folder.name, ()):
                yield UNKNOWN_SECRET.finding(
                    f"{folder.name} can read {path.name}", _place(folder.name, "secrets"), identity=path.name
                )
