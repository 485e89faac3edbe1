"""`invoke autoscale` on a real engine: it reads real replicas, and scales them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.load import Load
from tests.integration.platform import Platform

pytestmark = pytest.mark.integration

CONFIG = """\
services:
  ai-engine: {min: 1, max: 3, slots: 2, target_in_flight: 1, start_up_lead: 8}
  orchestrator-worker: {min: 1, max: 2, slots: 8, target_in_flight: 6, start_up_lead: 8}
"""


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "autoscale.yaml"
    path.write_text(CONFIG)
    return str(path)


@pytest.fixture
def two_replicas(platform: Platform) -> Iterator[Platform]:
    """Return the shared stack, with two replicas again afterwards."""
    platform.invoke("scale", "--ai-engine", "2").check()
    yield platform
    platform.invoke("scale", "--ai-engine", "2").check()


def test_it_follows_real_load_to_its_bound_and_loses_nothing(two_replicas: Platform, config: str) -> None:
    with Load(two_replicas, clients=6) as load:
        ran = two_replicas.invoke("autoscale", "--once", "--json", "--config", config).check()
        load.go_on(20)
    load.assert_nothing_lost()
    ai_engine, worker = ran.json["decisions"]
    assert (ai_engine["desired"], worker["desired"]) == (3, 1)
    assert not ai_engine["hold"] + worker["hold"]
    assert ran.json["changes"][0]["outcome"] == "done"
    assert len(two_replicas.replicas("ai-engine")) == 3


def test_bounds_beyond_the_database_s_connections_are_refused_with_the_arithmetic(
    two_replicas: Platform, tmp_path: Path
) -> None:
    path = tmp_path / "autoscale.yaml"
    line = "  memory-engine: {min: 1, max: 90, slots: 15, target_in_flight: 10, start_up_lead: 8}\n"
    path.write_text(f"services:\n{line}")
    before = two_replicas.containers()
    ran = two_replicas.invoke("autoscale", "--once", "--config", str(path))
    assert ran.code == 2
    assert "autoscale.yaml:2:18: memory-engine: max 90 can never be reached" in ran.text
    assert "(5 pool + 10 overflow)" in ran.text
    assert two_replicas.containers() == before
