"""The images on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docker.errors import DockerException, ImageNotFound

from optimus_ops.engine.client import engine_client, unreachable

if TYPE_CHECKING:
    from collections.abc import Mapping


def inspect(image: str) -> Mapping[str, Any] | None:
    """Return what the engine knows of an image; None if it isn't there.

    Raises:
        MachineLacks: no engine answers.
    """
    try:
        found: Mapping[str, Any] = engine_client(timeout=30).inspect_image(image)
    except ImageNotFound:
        return None
    except (DockerException, OSError) as error:
        raise unreachable(error) from error
    return found


def labels_of(image: str) -> Mapping[str, str]:
    """Return an image's labels; none if it isn't there."""
    found = inspect(image)
    return {} if found is None else labels_in(found)


def labels_in(found: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the labels in what the engine said of an image."""
    labels: Mapping[str, str] = (found.get("Config") or {}).get("Labels") or {}
    return labels


def image_id(image: str) -> str | None:
    """Return an image's id; None if it isn't there."""
    found = inspect(image)
    return None if found is None else str(found["Id"])
