"""Settings of services from the merged Compose model."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from optimus_ops.model.merged_model import image_of, plain
from optimus_ops.security.hardening.settings import ContainerSettings, Mount, Published

NAMESPACES = {
    "pid": "pid",
    "ipc": "ipc",
    "network_mode": "network",
    "uts": "uts",
    "userns_mode": "userns",
    "cgroup": "cgroup",
}


def settings_of_model(
    document: Mapping[str, Any], jobs: Collection[str], image_users: Mapping[str, str]
) -> dict[str, ContainerSettings]:
    """Return service -> settings; `image_users` has the users of the images that are on the host."""
    document = plain(document)
    project = str(document.get("name", ""))
    services = (document.get("services") or {}).items()
    return {name: _settings(name, raw, image_of(project, name, raw), jobs, image_users) for name, raw in services}


def _settings(
    name: str, raw: Mapping[str, Any], image: str, jobs: Collection[str], image_users: Mapping[str, str]
) -> ContainerSettings:
    deploy = raw.get("deploy") or {}
    limits = (deploy.get("resources") or {}).get("limits") or {}
    build = raw.get("build") or {}
    modes = {kind: str(raw[key]) for key, kind in NAMESPACES.items() if raw.get(key)}
    return ContainerSettings(
        service=name,
        image=image,
        user=str(raw.get("user") or ""),
        image_user=image_users.get(image),
        cap_drop=frozenset(map(str, raw.get("cap_drop") or ())),
        cap_add=frozenset(map(str, raw.get("cap_add") or ())),
        read_only=raw.get("read_only") is True,
        security_opt=tuple(map(str, raw.get("security_opt") or ())),
        privileged=raw.get("privileged") is True,
        namespaces=modes,
        mounts=tuple(_mount(found) for found in raw.get("volumes") or ()),
        published=tuple(
            Published(str(found.get("host_ip") or ""), str(found.get("published") or ""))
            for found in raw.get("ports") or ()
        ),
        networks=frozenset(raw.get("networks") or ({} if raw.get("network_mode") else {"default": None})),
        memory=int(limits.get("memory") or raw.get("mem_limit") or 0),
        pids=int(limits.get("pids") or raw.get("pids_limit") or 0),
        healthcheck=_has_healthcheck(raw.get("healthcheck")),
        environment={key: str(value) for key, value in (raw.get("environment") or {}).items() if value is not None},
        labels={str(key): str(value) for key, value in (raw.get("labels") or {}).items()},
        build_args={str(key): str(value) for key, value in (build.get("args") or {}).items() if value is not None},
        devices=tuple(
            str(found.get("source") if isinstance(found, dict) else found) for found in raw.get("devices") or ()
        ),
        ends=name in jobs,
        builds=bool(build),
    )


def _mount(raw: Mapping[str, Any]) -> Mount:
    bind = raw.get("type") == "bind"
    return Mount(str(raw.get("source") or ""), str(raw.get("target") or ""), raw.get("read_only") is not True, bind)


def _has_healthcheck(raw: Mapping[str, Any] | None) -> bool | None:
    if not raw:
        return None
    if raw.get("disable") or raw.get("test") == ["NONE"]:
        return False
    return True if raw.get("test") else None


def internal_networks(document: Mapping[str, Any]) -> frozenset[str]:
    """Return the networks without a way out."""
    return frozenset(name for name, raw in (document.get("networks") or {}).items() if (raw or {}).get("internal"))
