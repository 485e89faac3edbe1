"""Which services can have more than one replica."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optimus_ops.model.fixed_resources import fixed_things

if TYPE_CHECKING:
    from collections.abc import Mapping

SCALABLE_LABEL = "com.optimus.scalable"


def scalable_services(services: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of those services of a model that can have more than one replica.

    Those labelled `com.optimus.scalable: "true"`; where no service has the label, those without state of their own (no
    named volume), without a fixed port on the host and without anything else that only one container can have.

    Args:
        services: name -> definition, as in `services:` of a Compose file.
    """
    known = {str(name): service for name, service in services.items() if isinstance(service, dict)}
    labelled = tuple(name for name, service in known.items() if is_labelled(service.get("labels")))
    unlabelled = (name for name, service in known.items() if is_stateless(service) and not fixed_things(service))
    return labelled or tuple(unlabelled)


def is_labelled(labels: object) -> bool:
    """Tell whether labels, as a mapping or a list of `key=value`, hold the scalable label."""
    if isinstance(labels, dict):
        return str(labels.get(SCALABLE_LABEL, "")).lower() == "true"
    if isinstance(labels, list):
        return f"{SCALABLE_LABEL}=true" in labels
    return False


def is_stateless(service: Mapping[str, Any]) -> bool:
    """Tell whether a service has neither a named volume nor a fixed port on the host."""
    if any(_is_fixed(port) for port in service.get("ports") or ()):
        return False
    return not any(_is_named_volume(volume) for volume in service.get("volumes") or ())


def _is_fixed(port: object) -> bool:
    """Tell whether a port on the host is one that only one container can have: no range, nor the engine's choice."""
    if isinstance(port, dict):
        published = str(port.get("published") or "0")
        return published != "0" and "-" not in published
    text = str(port).partition("/")[0]
    published, colon, target = text.rpartition(":")
    return bool(colon) and ("-" not in published or "-" in target)


def _is_named_volume(volume: object) -> bool:
    if isinstance(volume, dict):
        return volume.get("type") == "volume"
    source, colon, _target = str(volume).partition(":")
    return bool(colon) and not source.startswith((".", "/", "~", "$"))
