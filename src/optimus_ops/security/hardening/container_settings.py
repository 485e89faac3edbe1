"""Settings of a container as the engine shows them (`GET /containers/{id}/json`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optimus_ops.engine.labels import SERVICE_LABEL
from optimus_ops.security.hardening.hazards import shares_namespace
from optimus_ops.security.hardening.settings import ContainerSettings, Mount, Published

NAMESPACES = {"PidMode": "pid", "IpcMode": "ipc", "NetworkMode": "network", "UTSMode": "uts", "UsernsMode": "userns"}
NETWORK_LABEL = "com.docker.compose.network"


def settings_of_container(raw: Mapping[str, Any], project: str) -> ContainerSettings:
    """Return a container's settings."""
    config, host = raw["Config"], raw.get("HostConfig") or {}
    labels = {str(key): str(value) for key, value in (config.get("Labels") or {}).items()}
    test = (config.get("Healthcheck") or {}).get("Test")
    connected = (raw.get("NetworkSettings") or {}).get("Networks") or {}
    bindings = (host.get("PortBindings") or {}).values()
    return ContainerSettings(
        service=labels.get(SERVICE_LABEL, ""),
        image=str(config.get("Image") or ""),
        user=str(config.get("User") or ""),
        image_user="",
        cap_drop=frozenset(map(str, host.get("CapDrop") or ())),
        cap_add=frozenset(map(str, host.get("CapAdd") or ())),
        read_only=host.get("ReadonlyRootfs") is True,
        security_opt=tuple(map(str, host.get("SecurityOpt") or ())),
        privileged=host.get("Privileged") is True,
        namespaces={
            kind: str(host[key]) for key, kind in NAMESPACES.items() if shares_namespace(str(host.get(key) or ""))
        },
        mounts=tuple(_mount(found) for found in raw.get("Mounts") or ()),
        published=tuple(
            Published(str(found.get("HostIp") or ""), str(found.get("HostPort") or ""))
            for listed in bindings
            for found in listed or ()
        ),
        networks=frozenset(str(name).removeprefix(f"{project}_") for name in connected),
        memory=int(host.get("Memory") or 0),
        pids=max(0, int(host.get("PidsLimit") or 0)),
        healthcheck=None if not test else test != ["NONE"],
        environment=dict(pair.split("=", 1) for pair in config.get("Env") or () if "=" in pair),
        labels=labels,
        devices=tuple(str(found.get("PathOnHost")) for found in host.get("Devices") or ()),
        restarts=int(raw.get("RestartCount") or 0),
    )


def _mount(raw: Mapping[str, Any]) -> Mount:
    bind = raw.get("Type") == "bind"
    source = str(raw.get("Source") or "") if bind else str(raw.get("Name") or "")
    return Mount(source, str(raw.get("Destination") or ""), raw.get("RW") is not False, bind)
