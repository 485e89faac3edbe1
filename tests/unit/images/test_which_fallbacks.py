"""Which fallbacks `images.bases --force` and `--refresh` make."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import pytest
from tests.unit.stacks import stack

from optimus_ops.images.commands import every_fallback
from optimus_ops.images.fallback_catalogue import FALLBACK_IMAGES
from optimus_ops.model.stack import Service, Stack

if TYPE_CHECKING:
    from optimus_ops.engine.compose_port import Compose

EVERYWHERE = {"postgres", "python", "nginx", "redis"}


@dataclass(frozen=True)
class ComposeFiles:
    """Files that describe a stack."""

    wanted: Stack

    def stack(self) -> Stack:
        """Return it."""
        return self.wanted


def folders(*services: Service) -> set[str]:
    described = replace(stack(), services={service.name: service for service in services})
    made = every_fallback(cast("Compose", ComposeFiles(described)))
    return {fallback.folder for fallback in FALLBACK_IMAGES if fallback.image in made}


def test_what_only_an_overlay_needs_is_not_made_without_it() -> None:
    assert folders(Service("cache", "redis:8")) == EVERYWHERE


@pytest.mark.parametrize(
    ("image", "folder"),
    [
        ("grafana/tempo:3.0.3", "qryn"),
        ("grafana/loki:3.7.6@sha256:0123", "qryn"),
        ("prom/prometheus:v3.5.3", "prometheus"),
        ("grafana/alloy:v1.18.1", "alloy"),
        ("optimus-standin/alloy:1", "alloy"),
        ("haproxy:3.0-alpine", "haproxy"),
        ("docker:28.3-cli", "docker-cli"),
    ],
)
def test_what_the_files_of_an_overlay_name_is_made_with_it(image: str, folder: str) -> None:
    assert folders(Service("observer", image)) == {*EVERYWHERE, folder}
