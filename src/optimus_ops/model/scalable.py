"""Scalable services: those that can have more than one replica; and what only one container of a service can have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

SCALABLE_LABEL = "com.optimus.scalable"
ADDRESSES = ("ipv4_address", "ipv6_address", "mac_address")


def scalable_services(services: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the scalable services among `services:` of a Compose file.

    Those labelled `com.optimus.scalable: "true"`; where no service has the label, those without state of their own (no
    named volume), without a fixed port on the host and without other fixed resources.
    """
    known = {str(name): service for name, service in services.items() if isinstance(service, dict)}
    labelled = tuple(name for name, service in known.items() if is_labelled(service.get("labels")))
    return labelled or tuple(
        name for name, service in known.items() if is_stateless(service) and not any(fixed_resources(service))
    )


def is_labelled(labels: object) -> bool:
    """Tell whether labels, as a mapping or a list of `key=value`, hold the scalable label."""
    if isinstance(labels, dict):
        return str(labels.get(SCALABLE_LABEL, "")).lower() == "true"
    return isinstance(labels, list) and f"{SCALABLE_LABEL}=true" in labels


def is_stateless(service: Mapping[str, Any]) -> bool:
    """Tell whether a service has neither a named volume nor a fixed port on the host."""
    ports, volumes = service.get("ports") or (), service.get("volumes") or ()
    return not any(_is_fixed(port) for port in ports) and not any(_is_named_volume(volume) for volume in volumes)


def _is_fixed(port: object) -> bool:
    """Tell whether a port on the host is neither a range nor the engine's choice."""
    if isinstance(port, dict):
        published = str(port.get("published") or "0")
        return published != "0" and "-" not in published
    published, colon, target = str(port).partition("/")[0].rpartition(":")
    return bool(colon) and ("-" not in published or "-" in target)


def _is_named_volume(volume: object) -> bool:
    if isinstance(volume, dict):
        return volume.get("type") == "volume"
    source, colon, _target = str(volume).partition(":")
    return bool(colon) and not source.startswith((".", "/", "~", "$"))


def fixed_resources(raw: Mapping[str, Any]) -> Iterator[str]:
    """Yield the fixed resources of a service of the merged model as the files say them: `container_name shop-web`.

    Two replicas with the same hostname would both start, but answers could not be told apart. Ports on the host are not
    among them: whether these conflict depends on how many replicas there are.
    """
    yield from (f"{key} {raw[key]}" for key in ("container_name", "hostname", "mac_address") if raw.get(key))
    mode = str(raw.get("network_mode") or "")
    if mode == "host" or mode.startswith(("service:", "container:")):
        # They would listen on the same ports of one network.
        yield f"network_mode {mode}"
    networks = raw.get("networks")
    for name, settings in networks.items() if isinstance(networks, dict) else ():
        yield from (f"{key} {settings[key]} in {name}" for key in ADDRESSES if (settings or {}).get(key))
