"""The services of images by themselves: their definition in the Compose files without what they depend on."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optimus_ops.text.durations import compose_duration

LEFT_OUT = frozenset(
    {
        *("build", "container_name", "depends_on", "develop", "external_links", "links", "network_mode", "networks"),
        *("ports", "profiles", "pull_policy", "restart", "scale", "volumes_from"),
    }
)
STOP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a service's definition promises of its container; `user` is "" where it leaves that to the image."""

    user: str
    read_only: bool
    no_capabilities: bool
    no_new_privileges: bool
    stop_seconds: float

    @classmethod
    def of(cls, service: Mapping[str, Any]) -> Wanted:
        """Read a service of the merged model."""
        options = {str(option).replace("=", ":") for option in service.get("security_opt") or ()}
        grace = service.get("stop_grace_period")
        return cls(
            user=str(service.get("user") or ""),
            read_only=service.get("read_only") is True,
            no_capabilities="ALL" in map(str, service.get("cap_drop") or ()) and not service.get("cap_add"),
            no_new_privileges=bool(options & {"no-new-privileges", "no-new-privileges:true"}),
            stop_seconds=compose_duration(str(grace)) if grace else STOP_SECONDS,
        )


def smoke_model(
    document: Mapping[str, Any], services: Collection[str], name: str, secrets: Path, nothing: Path
) -> dict[str, Any]:
    """Return a Compose model of some services of a merged one, each by itself, as project `name`.

    User, limits, capabilities, root file system, environment and command stay. There is no network, no port, no restart
    and no data: volumes are empty, and the folder `nothing` stands where a folder below `secrets` would be mounted.
    """
    return {
        "name": name,
        **{key: document[key] for key in ("configs", "secrets") if key in document},
        "services": {service: _alone(document["services"][service], secrets, nothing) for service in sorted(services)},
    }


def _alone(service: Mapping[str, Any], secrets: Path, nothing: Path) -> dict[str, Any]:
    kept = {key: value for key, value in service.items() if key not in LEFT_OUT}
    deploy = {key: value for key, value in (kept.pop("deploy", None) or {}).items() if key == "resources"}
    volumes = list(_volumes(kept.pop("volumes", None) or (), secrets, nothing))
    return {**kept, "deploy": deploy, "volumes": volumes, "network_mode": "none", "restart": "no"}


def _volumes(mounts: Collection[Mapping[str, Any]], secrets: Path, nothing: Path) -> Iterator[dict[str, Any]]:
    for mount in mounts:
        if mount.get("type") == "bind":
            source = Path(str(mount["source"]))
            yield {**mount, "source": str(nothing if source.is_relative_to(secrets) else source)}
        else:
            yield {"type": "tmpfs", "target": mount["target"]}
