"""Redis servers and sentinels of a test's own, on the loopback interface."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.redis.loopback import Loopback


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Loopback]:
    """Give what starts servers; they end with the test."""
    made = Loopback(tmp_path / "redis")
    made.folder.mkdir()
    yield made
    made.end()
