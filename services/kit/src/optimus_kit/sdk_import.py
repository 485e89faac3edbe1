"""Importing libraries without their finding OpenTelemetry's SDK: redis-py imports it for metrics that nobody reads."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

SDK = "opentelemetry.sdk"


@contextmanager
def without_sdk() -> Iterator[None]:
    """Import within the block as if the SDK were not installed; afterwards it can be imported again.

    What has been imported before stays.
    """
    if SDK in sys.modules:
        yield
        return
    # `import` of a name that stands for None fails (Python's reference, 5.3.1).
    sys.modules[SDK] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[SDK]
