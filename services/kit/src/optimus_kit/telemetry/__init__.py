"""Traces of a service by OpenTelemetry. Nothing of its SDK is imported before `start_telemetry` finds an endpoint."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from optimus_kit.settings import ServiceSettings
from optimus_kit.telemetry.settings import TelemetrySettings

if TYPE_CHECKING:
    from optimus_kit.telemetry.setup import Telemetry

__all__ = ["start_telemetry"]


def start_telemetry(settings: ServiceSettings, environ: Mapping[str, str]) -> "Telemetry | None":
    """Record and send spans of this process from now on; None where the environment names no collector.

    Called once in each process, after a fork: the thread that sends would not survive one.

    Args:
        settings: of the service; its name, version and host name go with each span.
        environ: has the OTEL_ variables (docs/tracing.md).

    Raises:
        SettingsError: a variable that cannot be used. A collector that can't be reached is no error.
    """
    wanted = TelemetrySettings.from_env(environ)
    if wanted is None:
        return None
    from optimus_kit.telemetry.setup import start  # noqa: PLC0415 - imports the SDK

    return start(settings, wanted)
