from __future__ import annotations

from typing import Any

import pytest
from benchmarks.footprint import Image, Replica, charged_bytes, observe_image, resident_bytes, section
from benchmarks.platform_under_test import Engine
from benchmarks.section import objectives_of
from docker.errors import ImageNotFound

IMAGES = {
    "base": {"Size": 100, "RootFS": {"Layers": ["a", "b"]}},
    "service": {"Size": 130, "RootFS": {"Layers": ["a", "b", "c"]}},
}


class Api:
    def inspect_image(self, name: str) -> dict[str, Any]:
        if name not in IMAGES:
            raise ImageNotFound(name)
        return IMAGES[name]


def test_resident_memory_is_summed_over_processes() -> None:
    top = {"Titles": ["PID", "RSS", "COMMAND"], "Processes": [["1", "10", "init"], ["7", "500", "python"]]}
    assert resident_bytes(top) == (510 * 1024, 2)


@pytest.mark.parametrize(("detail", "bytes_left"), [("inactive_file", 70), ("total_inactive_file", 70), ("other", 100)])
def test_inactive_page_cache_is_not_charged(detail: str, bytes_left: int) -> None:
    assert charged_bytes({"usage": 100, "stats": {detail: 30}}) == bytes_left


@pytest.mark.parametrize(("name", "base", "added"), [("service", "base", 30), ("service", "gone", None)])
def test_an_image_is_measured_over_its_base_if_that_is_there(name: str, base: str, added: int | None) -> None:
    assert observe_image(Engine(Api()), name, base).added == added


def test_a_base_that_an_image_was_not_built_on_does_not_count() -> None:
    assert observe_image(Engine(Api()), "base", "service").added is None


def test_the_biggest_replica_stands_for_its_service_and_what_is_missing_is_not_measured() -> None:
    replicas = [Replica("ai-engine", size, 1, 2) for size in (50_000_000, 130_000_000)]
    objectives = objectives_of(section(replicas, [Image("org/thing:1", "base", 10, None)], 5))
    verdicts = {objective.name: objective.verdict for objective in objectives}
    assert verdicts["Resident memory of an idle ai-engine replica"] == "missed"
    assert verdicts["Resident memory of an idle memory-engine replica"] == "not measured"
    assert verdicts["thing image over its base"] == "not measured"
