"""Chooses how the platform is had, says so, and keeps it for the whole run."""

import os
from collections.abc import Iterator

import httpx
import pytest
from tests.e2e.collector import Collector, collecting
from tests.e2e.driven import OwnPlatform, Platform
from tests.e2e.driven import own_platform as platform_of_processes
from tests.e2e.driven import platform as platform_of
from tests.e2e.memory_stack import embedded_server
from tests.e2e.ways import Way, chosen

# What needs processes of the run's own cannot be asked of a stack that others use.
collect_ignore_glob = ["test_own_*.py"] if chosen() is Way.STACK else []


def pytest_report_header() -> str:
    return f"e2e: {chosen().value}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "e2e" in item.path.parts:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    with platform_of(chosen()) as platform:
        yield platform


@pytest.fixture(scope="session")
def own_platform(platform: Platform) -> OwnPlatform:
    assert isinstance(platform, OwnPlatform)
    return platform


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="session")
def traced(collector: Collector) -> Iterator[OwnPlatform]:
    """A platform of its own, whose spans the collector gets."""
    endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    with platform_of_processes(chosen(), **endpoint) as platform:
        yield platform


@pytest.fixture(scope="session")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=30, trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
def server_url() -> Iterator[str]:
    """A PostgreSQL with pgvector: the one of DATABASE_URL, else an embedded one."""
    if url := os.environ.get("DATABASE_URL"):
        yield url
        return
    with embedded_server() as server:
        yield server.get_uri()
