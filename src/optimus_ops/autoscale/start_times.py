"""How long starts take, as observed: what is seen replaces the configuration's `start_up_lead`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from statistics import median

from optimus_ops.autoscale.model import ServiceSettings

KEPT = 5
"""Starts that count: of so many, two may be outliers, as one that pulled an image."""


@dataclass(frozen=True, slots=True)
class StartTimes:
    """Service -> seconds of the last changes that started replicas of it, from the decision until they served."""

    seconds: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def noting(self, services: Iterable[str], seconds: float) -> StartTimes:
        """Return them with a change that started replicas of some services."""
        latest = {name: (*self.seconds.get(name, ()), seconds)[-KEPT:] for name in services}
        return StartTimes({**self.seconds, **latest})

    def applied(self, settings: ServiceSettings) -> ServiceSettings:
        """Return settings whose lead is the median of what was seen; as they are before the first start."""
        seen = self.seconds.get(settings.service)
        return replace(settings, start_up_lead=median(seen)) if seen else settings
