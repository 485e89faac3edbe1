"""Whose spans these are."""

import os

from opentelemetry.sdk.resources import Resource

from optimus_kit.settings import ServiceSettings
from optimus_kit.telemetry.settings import TelemetrySettings


def make_resource(settings: ServiceSettings, telemetry: TelemetrySettings) -> Resource:
    """Return the resource of this process: service, version, instance, environment, and OTEL_RESOURCE_ATTRIBUTES."""
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
    # Not Resource.create: its detectors read the environment again and ask the machine.
    return Resource(
        {"telemetry.sdk.language": "python", "telemetry.sdk.name": "opentelemetry"} | dict(telemetry.attributes) | own
    )
