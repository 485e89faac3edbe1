"""An engine whose API a test answers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.fakes.engine_api import EngineApi, engine_api

from optimus_ops.engine.docker_engine import DockerEngine


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[EngineApi]:
    with engine_api() as made:
        monkeypatch.setenv("DOCKER_HOST", made.address)
        for name in ("DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_CONTEXT"):
            monkeypatch.delenv(name, raising=False)
        yield made


@pytest.fixture
def engine(api: EngineApi) -> DockerEngine:
    made = DockerEngine.connect(timeout=30)
    api.asked.clear()
    return made
