"""Which services can be scaled, read quickly from the Compose base file: the flags of `invoke scale` are made from it.

This runs at every `invoke` start, so it parses one file and asks no engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from optimus_ops.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SCALABLE_LABEL = "com.optimus.scalable"

_SafeLoader: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class ComposeLoader(_SafeLoader):  # type: ignore[misc]  # the C loader has no stub
    """A safe YAML loader that reads Compose's own tags (`!reset`, `!override`) as the values behind them."""


def _untagged(loader: Any, _suffix: str, node: Any) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)


ComposeLoader.add_multi_constructor("!", _untagged)


def scalable_services(base: Path) -> tuple[str, ...]:
    """Return the names of the services of a Compose file that can have more than one replica.

    Those labelled `com.optimus.scalable: "true"`; where no service of the file has the label, those without state of
    their own (no named volume) and without a port on the host.

    Raises:
        Refused: the file is not YAML, or is not a Compose file.
    """
    try:
        document = yaml.load(base.read_bytes(), Loader=ComposeLoader)  # noqa: S506 - a subclass of the safe loader
    except (OSError, yaml.YAMLError) as error:
        raise Refused(f"{base.name} can't be read: {error}") from error
    services = document.get("services") if isinstance(document, dict) else None
    if not isinstance(services, dict):
        raise Refused(f"{base.name}: no services in it", "is it a Compose file?")
    known = {name: service for name, service in services.items() if isinstance(service, dict)}
    labelled = tuple(name for name, service in known.items() if is_labelled(service.get("labels")))
    return labelled or tuple(name for name, service in known.items() if is_stateless(service))


def is_labelled(labels: object) -> bool:
    """Tell whether labels, as a mapping or a list of `key=value`, hold the scalable label."""
    if isinstance(labels, dict):
        return str(labels.get(SCALABLE_LABEL, "")).lower() == "true"
    if isinstance(labels, list):
        return f"{SCALABLE_LABEL}=true" in labels
    return False


def is_stateless(service: Mapping[str, Any]) -> bool:
    """Tell whether a service has neither a named volume nor a published port nor a fixed container name."""
    if service.get("ports") or service.get("container_name"):
        return False
    return not any(_is_named_volume(volume) for volume in service.get("volumes") or ())


def _is_named_volume(volume: object) -> bool:
    if isinstance(volume, dict):
        return volume.get("type") == "volume"
    source, colon, _target = str(volume).partition(":")
    return bool(colon) and not source.startswith((".", "/", "~", "$"))
