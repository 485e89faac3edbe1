"""The Compose files as `docker compose` merges them, without Docker: enough of the specification for the files here."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from tests.unit.repository import CHECKOUT

COMPOSE = CHECKOUT / "compose"
DEFAULT = re.compile(r"\$\{(?P<name>[A-Z_]+)(?::?-(?P<default>[^${}]*))?\}")
SIZES = {"M": 2**20, "G": 2**30, "mb": 2**20}

STACKS = (
    (),
    ("scale",),
    ("dev",),
    ("scale", "dev"),
    ("dev", "scale"),
    ("sentinel",),
    ("scale", "sentinel"),
    ("scale", "sentinel", "dev"),
    ("observability",),
    ("scale", "observability"),
    ("observability", "scale"),
    ("sentinel", "observability"),
    ("scale", "sentinel", "observability"),
    ("scale", "observability", "sentinel"),
    ("scale", "observability", "dev"),
    ("scale", "autoscale"),
    ("autoscale", "scale"),
    ("scale", "sentinel", "autoscale"),
    ("scale", "sentinel", "observability", "autoscale"),
)
SCALABLE = {"ai-engine", "backend-orchestrator", "memory-engine", "orchestrator-worker"}
PYTHON = {*SCALABLE, "migrations"}
NODES = ("redis", "redis-replica-1", "redis-replica-2")
SENTINELS = ("redis-sentinel-1", "redis-sentinel-2", "redis-sentinel-3")
OBSERVABILITY = ("alloy", "tempo", "loki", "prometheus", "grafana")
AUTOSCALE = ("autoscaler", "engine-proxy")
REDIS = (*NODES, *SENTINELS, "redis-cache")

Model = dict[str, Any]


class Replaced(list[Any]):
    """A sequence marked `!override`: it takes the place of what was there."""


class Loader(yaml.SafeLoader):
    pass


def _override(loader: yaml.SafeLoader, node: yaml.Node) -> Replaced:
    assert isinstance(node, yaml.SequenceNode)
    return Replaced(loader.construct_sequence(node, deep=True))


Loader.add_constructor("!override", _override)


@cache
def load(name: str) -> Model:
    document = yaml.load((COMPOSE / name).read_text("utf-8"), Loader=Loader)  # noqa: S506 - a safe loader
    assert isinstance(document, dict)
    return document


def overlay(name: str) -> str:
    return f"docker-compose.{name}.yml"


@cache
def services(*overlays: str) -> dict[str, Model]:
    """The services of the base with overlays, variables at their defaults."""
    merged: Model = {}
    for name in ("docker-compose.yml", *map(overlay, overlays)):
        merged = merge(merged, {service: resolve(name, service) for service in load(name)["services"]})
    return {name: interpolate(service) for name, service in merged.items()}


def built_services() -> set[str]:
    """The services that have an image of their own."""
    return {service["build"]["args"]["SERVICE"] for service in services().values() if "build" in service}


def resolve(file: str, service: str) -> Model:
    """A service of one file with what it extends."""
    own: Model = dict(load(file)["services"][service] or {})
    extended = own.pop("extends", None)
    return own if extended is None else merge(resolve(extended.get("file", file), extended["service"]), own)


def merge(below: Any, above: Any, key: str = "") -> Any:
    if isinstance(below, dict) and isinstance(above, dict) and key != "networks":
        return below | {
            name: merge(below[name], value, name) if name in below else value for name, value in above.items()
        }
    if key == "networks":
        return {**_by_name(below), **_by_name(above)}
    if key == "volumes":
        return list({volume["target"]: volume for volume in (*below, *above)}.values())
    if isinstance(below, list) and isinstance(above, list) and not isinstance(above, Replaced) and key != "command":
        return [*below, *(item for item in above if item not in below)]
    return above


def _by_name(networks: Any) -> Model:
    """Networks in their long form, whichever form a file has."""
    return dict(networks) if isinstance(networks, dict) else dict.fromkeys(networks)


def interpolate(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: interpolate(item) for name, item in value.items()}
    if isinstance(value, list):
        return [interpolate(item) for item in value]
    return DEFAULT.sub(lambda match: match["default"] or "", value) if isinstance(value, str) else value


def memory(text: str) -> int:
    """Bytes of `256M`, `1G` or `192mb`."""
    match = re.fullmatch(r"(\d+)([A-Za-z]+)", text)
    assert match, text
    return int(match[1]) * SIZES[match[2]]


def seconds(text: str) -> float:
    """Seconds of `300ms`, `65s`."""
    match = re.fullmatch(r"(\d+)(m?s)", text)
    assert match, text
    return int(match[1]) / (1000 if match[2] == "ms" else 1)


def redis_settings(name: str) -> dict[str, str]:
    """A Redis configuration of ours with what it includes; a later line wins."""
    found: dict[str, str] = {}
    for line in (COMPOSE / "redis" / name).read_text("utf-8").splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "include":
            found |= redis_settings(Path(rest).name)
        elif word and not word.startswith("#"):
            found[word] = rest
    return found


def secrets_of(service: Model) -> str:
    (mount,) = (volume for volume in service["volumes"] if volume["target"] == "/run/secrets")
    return str(mount["source"]).rpartition("/")[2]
