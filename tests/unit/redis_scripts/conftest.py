"""The scripts that start nodes and sentinels, on a machine of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.redis_scripts.machine import Machine, new_machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Give a container's view."""
    return new_machine(tmp_path)
