"""Whose spans these are."""

import os

from optimus_kit.settings import ServiceSettings
from optimus_kit.telemetry.settings import TelemetrySettings


def resource_attributes(settings: ServiceSettings, telemetry: TelemetrySettings) -> dict[str, str]:
    """Return those of this process: service, version, instance, environment, and OTEL_RESOURCE_ATTRIBUTES."""
    instance = settings.hostname
    if settings.web_concurrency > 1:
        instance = f"{instance}-{os.getpid()}"
    own = {
        "service.name": settings.service,
        "service.version": settings.version,
        "service.instance.id": instance,
        "service.namespace": "optimus",
    }
    if telemetry.environment:
        own["deployment.environment.name"] = telemetry.environment
    sdk = {"telemetry.sdk.language": "python", "telemetry.sdk.name": "opentelemetry"}
    return sdk | dict(telemetry.attributes) | own
