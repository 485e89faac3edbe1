"""What the engine's API answers, as values.

API: https://docs.docker.com/reference/api/engine/
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from optimus_ops.engine.labels import FOLDER_LABEL, HASH_LABEL, NUMBER_LABEL, PROJECT_LABEL, SERVICE_LABEL
from optimus_ops.engine.values import Image, Limits, Sample
from optimus_ops.model.stack import STOP_SECONDS, PublishedPort
from optimus_ops.model.state import Replica
from optimus_ops.model.subnets import Network, parse_subnets


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


def _environment(pairs: Iterable[str]) -> dict[str, str]:
    split = (pair.partition("=") for pair in pairs)
    return {name: value for name, _equals, value in split}


def _health(state: Mapping[str, Any]) -> str | None:
    status = (state.get("Health") or {}).get("Status")
    return None if status in {None, "none"} else str(status)


def parse_image(raw: Mapping[str, Any]) -> Image:
    """Make an image of what `GET /images/{name}/json` or `GET /images/json` answers."""
    labels = raw.get("Labels") or (raw.get("Config") or {}).get("Labels") or {}
    return Image(
        id=str(raw["Id"]),
        names=tuple(str(name) for name in raw.get("RepoTags") or ()),
        digests=frozenset(str(known).partition("@")[2] for known in raw.get("RepoDigests") or ()),
        labels=labels,
        size=int(raw.get("Size") or 0),
        created=str(raw.get("Created", "")),
        tagged_at=parse_time(str((raw.get("Metadata") or {}).get("LastTagTime", ""))),
        user=str((raw.get("Config") or {}).get("User") or ""),
    )


def parse_network(raw: Mapping[str, Any]) -> Network:
    """Make a network of an item of what `GET /networks` answers."""
    project = str((raw.get("Labels") or {}).get(PROJECT_LABEL, ""))
    return Network(str(raw["Name"]), project, parse_subnets((raw.get("IPAM") or {}).get("Config")))


def parse_limits(raw: Mapping[str, Any]) -> Limits:
    """Read the limits out of what `GET /containers/{id}/json` answers."""
    host: Mapping[str, Any] = raw.get("HostConfig") or {}
    quota, period = int(host.get("CpuQuota") or 0), int(host.get("CpuPeriod") or 100_000)
    cpus = int(host.get("NanoCpus") or 0) / 1e9 or (quota / period if quota > 0 else 0.0)
    return Limits(
        cpus=cpus or None,
        memory=int(host.get("Memory") or 0) or None,
        out_of_memory=bool((raw.get("State") or {}).get("OOMKilled")),
        restarts=int(raw.get("RestartCount") or 0),
    )


def parse_sample(raw: Mapping[str, Any]) -> Sample:
    """Make a sample of what `GET /containers/{id}/stats` answers."""
    total = ((raw.get("cpu_stats") or {}).get("cpu_usage") or {}).get("total_usage")
    seconds = None if total is None else int(total) / 1e9
    return Sample(parse_time(str(raw.get("read", ""))), seconds, _memory(raw.get("memory_stats") or {}))


def _memory(stats: Mapping[str, Any]) -> int | None:
    """Return the usage without inactive file cache (cgroup v2, else v1)."""
    if "usage" not in stats:
        return None
    details: Mapping[str, Any] = stats.get("stats") or {}
    cached = details.get("inactive_file", details.get("total_inactive_file", 0))
    return max(int(stats["usage"]) - int(cached), 0)


def parse_time(text: str) -> datetime | None:
    """Return a time of the engine (RFC 3339, nanoseconds); None for the zero time of a container that never ran."""
    if not text or text.startswith("0001-"):
        return None
    seconds, _, fraction = text.removesuffix("Z").partition(".")
    try:
        return datetime.fromisoformat(f"{seconds}.{fraction[:6]:0<6}+00:00")
    except ValueError:
        return None
