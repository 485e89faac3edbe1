"""What holds for every unit test."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from tests.support.open_journals import close_journals


@pytest.fixture(autouse=True)
def no_journal_outlives_its_test() -> Iterator[None]:
    """Keep a process of thousands of changes below the descriptors that a shell allows, often 1,024."""
    yield
    close_journals()


@pytest.fixture(scope="session", autouse=True)
def no_waiting_for_disks() -> Iterator[None]:
    """Let files be written without waiting for the disk; `system/test_atomic_write.py` proves that it is asked for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _descriptor: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def no_project_of_the_caller() -> Iterator[None]:
    """Let no test see which project, images and step of a workflow the shell that runs it works on."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [
            found
            for found in os.environ
            if found.startswith(("COMPOSE_", "OPTIMUS_", "GITHUB_")) or found.endswith("_IMAGE")
        ]:
            patch.delenv(name)
        yield
