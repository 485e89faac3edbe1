"""What holds for every test.

Property tests draw few examples, the same ones in each run: whether a change is at fault does not depend on luck. New
ones, and ten times as many, are drawn with `HYPOTHESIS_PROFILE=thorough` (`nox -s properties`).
"""

from __future__ import annotations

import gc
import os
import signal
import sys

# Tests start many interpreters: a host that keeps no bytecode would compile the library anew in each.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

from hypothesis import HealthCheck, settings  # noqa: E402

# A loaded machine is not a failure: neither for an example nor for the drawing of them.
settings.register_profile(
    "thorough", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True, max_examples=300
)
settings.register_profile("quick", settings.get_profile("thorough"), max_examples=30, derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


def pytest_configure() -> None:
    """Take SIGINT as in a terminal: started in the background by a shell, we and all children would ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # Collecting makes hardly any garbage, and looking for it takes a fifth of that time.
    gc.disable()


def pytest_collection_finish() -> None:
    """Leave thousands of collected tests out of each garbage collection: a tenth of the processor time."""
    gc.enable()
    gc.collect()
    gc.freeze()
