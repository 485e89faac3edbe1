"""What holds for every test."""

from __future__ import annotations

import signal

from hypothesis import settings

# A loaded machine is not a failure.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")


def pytest_configure() -> None:
    """Take SIGINT as in a terminal: started in the background by a shell, we and all children would ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
