"""Spans of the statements that PostgreSQL is asked for, by the published instrumentation of psycopg."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optimus_kit.telemetry.setup import Telemetry


def trace_statements(telemetry: Telemetry | None) -> None:
    """Record a span of each statement of connections that are opened from now on; without telemetry, of none.

    A span has the statement's text with placeholders, never its values.
    """
    if telemetry is None:
        return
    # Imports OpenTelemetry.
    from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor  # noqa: PLC0415

    PsycopgInstrumentor().instrument(tracer_provider=telemetry.provider)
