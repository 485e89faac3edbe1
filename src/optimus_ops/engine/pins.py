"""Pins: images and variables that services have instead of those in the Compose files, until a change unpins them.

Pins are one more Compose file, so that every task (and plain `docker compose`, given that file) sees the same stack.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from optimus_ops.errors import Refused
from optimus_ops.model.image_names import is_kept
from optimus_ops.system.atomic_write import atomic_write


@dataclass(frozen=True)
class Pins:
    """Pins of one project: service -> image, and service -> variable -> value."""

    images: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Tell whether anything is pinned."""
        return bool(self.images or self.environment)

    def with_images(self, images: Mapping[str, str]) -> Pins:
        """Return these pins with other images; "" takes a pin away."""
        merged = {**self.images, **images}
        return Pins({service: image for service, image in merged.items() if image}, self.environment)

    def with_variables(self, variables: Iterable[tuple[str, str, str]]) -> Pins:
        """Return these pins with further variables, each as service, name and value."""
        environment = {service: dict(values) for service, values in self.environment.items()}
        for service, name, value in variables:
            environment.setdefault(service, {})[name] = value
        return Pins(self.images, environment)

    def as_compose(self) -> str:
        """Return them as a Compose file (JSON, which is YAML)."""
        services: dict[str, dict[str, object]] = {}
        for service, image in self.images.items():
            services.setdefault(service, {})["image"] = image
            if is_kept(image):
                # It has that name on this machine only, whatever the Compose files say.
                services[service]["pull_policy"] = "never"
        for service, variables in self.environment.items():
            services.setdefault(service, {})["environment"] = dict(variables)
        return json.dumps({"services": services}, indent=1)


def read_pins(path: Path) -> Pins:
    """Return the pins in a file; none if there is no file."""
    try:
        services = json.loads(path.read_text("utf-8"))["services"]
        images = {name: str(service["image"]) for name, service in services.items() if "image" in service}
        environment = {
            name: {str(key): str(value) for key, value in service["environment"].items()}
            for name, service in services.items()
            if "environment" in service
        }
    except FileNotFoundError:
        return Pins()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refused(f"{path} can't be read as pins", "remove it to go back to the Compose files") from error
    return Pins(images, environment)


def write_pins(path: Path, pins: Pins) -> None:
    """Keep pins in a file; without any there is no file."""
    if pins:
        atomic_write(path, pins.as_compose())
    else:
        path.unlink(missing_ok=True)
