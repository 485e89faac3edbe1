"""Queries that can't return data where other programs stand in for Alloy and Loki, or without keys of a provider."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

LACKING: Mapping[str, str] = MappingProxyType(
    {
        "otelcol_": "the collector that stands in for Alloy shows no metrics of this name",
        "loki_": "neither shows qryn metrics of Loki's names, nor syslog-ng those of Alloy",
        "optimus_provider_wait": "only a provider over HTTP has places; `embedded` needs none",
        "optimus_provider_key_state": "only a provider with keys has any; `embedded` needs none",
    }
)
"""Part of a query -> why."""


def why_lacking(expr: str) -> str:
    """Return why a query has no data on the stand-ins; "" if it has to have some."""
    return next((reason for part, reason in LACKING.items() if part in expr), "")
