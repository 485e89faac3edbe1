from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.stacks import stack

from optimus_ops.errors import Refused
from optimus_ops.stack.model import PublishedPort, parse_count, parse_duration
from optimus_ops.stack.scalable import scalable_services


def test_services_say_what_the_files_say() -> None:
    services = stack().services
    assert services["ai"].cpus == 0.5
    assert services["ai"].memory == 256 * 1024 * 1024
    assert services["ai"].ports == (8010,)
    assert services["memory"].ports == (8050,)
    assert services["memory"].stop_seconds == 80.0
    assert services["nginx-lb"].published == (PublishedPort("127.0.0.1", 18010, 8010),)


def test_jobs_are_what_others_wait_for_to_end() -> None:
    assert stack().jobs == {"migrations"}


def test_public_images_include_those_that_builds_start_from() -> None:
    assert stack().public_images == ("postgres:17", "redis:8", "nginx:1.30", "python:3.12-slim")


def test_an_image_that_nobody_named_has_the_name_that_compose_gives_it() -> None:
    built = stack(ai={"build": {"context": "."}, "labels": {"com.optimus.scalable": "true"}})
    assert built.services["ai"].image == "shop-ai"
    assert "shop-ai" in built.built_images


def test_an_image_that_another_service_builds_comes_from_nowhere_else() -> None:
    shared = stack(worker={"image": "shop/ai:local"})
    assert "shop/ai:local" not in shared.public_images


def test_a_dollar_is_one_dollar() -> None:
    services = stack(ai={"image": "ai", "environment": {"PRICE": "5$$"}, "labels": ["unit=$$"]}).services
    assert services["ai"].environment["PRICE"] == "5$"
    assert services["ai"].labels["unit"] == "$"


def test_a_stack_without_labels_scales_what_has_no_state_and_no_port() -> None:
    plain = stack(
        ai={"image": "ai", "volumes": []},
        memory=None,
        migrations=None,
        redis={"image": "redis:8", "volumes": [{"type": "volume", "source": "data", "target": "/data"}]},
        postgres=None,
    )
    assert plain.scalable == ("ai",)


def test_a_published_port_that_is_none_is_refused() -> None:
    with pytest.raises(Refused, match="not a port number"):
        stack(**{"nginx-lb": {"image": "nginx", "ports": [{"target": 1, "published": "99999"}]}})


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59))
def test_durations_add_up(hours: int, minutes: int, seconds: int) -> None:
    assert parse_duration(f"{hours}h{minutes}m{seconds}s") == hours * 3600 + minutes * 60 + seconds


@given(st.text(max_size=12))
def test_durations_are_read_or_refused(text: str) -> None:
    with contextlib.suppress(Refused):
        assert parse_duration(text) >= 0


@given(st.text(max_size=6))
def test_counts_are_positive_whole_numbers_or_refused(text: str) -> None:
    with contextlib.suppress(Refused):
        assert parse_count(text, "--ai") == int(text) > 0


@pytest.mark.parametrize("text", ["0", "-1", "three", "1.5", "", "1000", "٣"])
def test_counts_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(Refused):
        parse_count(text, "--ai-engine")


def test_flags_come_from_labels_in_either_form(tmp_path: Path) -> None:
    base = tmp_path / "docker-compose.yml"
    base.write_text(
        "services:\n"
        "  a: {image: x, labels: {com.optimus.scalable: 'true'}}\n"
        "  b: {image: x, labels: [com.optimus.scalable=true], environment: !reset null}\n"
        "  c: {image: x}\n"
    )
    assert scalable_services(base) == ("a", "b")


@pytest.mark.parametrize("text", ["services: [", "- a", "", "services: 3"])
def test_a_file_that_is_no_compose_file_is_refused(tmp_path: Path, text: str) -> None:
    base = tmp_path / "docker-compose.yml"
    base.write_text(text)
    with pytest.raises(Refused, match=r"docker-compose\.yml"):
        scalable_services(base)
