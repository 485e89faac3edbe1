"""A platform whose secrets are rotated."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.fakes.rotation import FakePlatform
from tests.fakes.shop import memory_folder


@pytest.fixture
def platform() -> Iterator[FakePlatform]:
    """Return a platform that runs, in memory where the host has a folder there."""
    with memory_folder() as folder:
        yield FakePlatform.open(folder)
