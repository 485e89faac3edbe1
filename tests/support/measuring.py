"""What a process with an environment of its own needs to be measured as well, where this one is (coverage.py)."""

import os

VARIABLE = "COVERAGE_PROCESS_CONFIG"


def measuring() -> dict[str, str]:
    """Return the variable by which coverage.py begins in a process; none where nothing is measured."""
    return {VARIABLE: os.environ[VARIABLE]} if VARIABLE in os.environ else {}
