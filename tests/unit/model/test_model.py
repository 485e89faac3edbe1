from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.stacks import stack

from optimus_ops.errors import Refused
from optimus_ops.model.merged_model import parse_stack
from optimus_ops.model.scalable import scalable_services
from optimus_ops.model.stack import COMPLETED, Dependency, PublishedPort
from optimus_ops.text.durations import compose_duration


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
    assert compose_duration(f"{hours}h{minutes}m{seconds}s") == hours * 3600 + minutes * 60 + seconds


@given(st.text(max_size=12))
def test_durations_are_read_or_refused(text: str) -> None:
    with contextlib.suppress(Refused):
        assert compose_duration(text) >= 0


def test_services_scale_by_label_in_either_form_or_else_where_they_hold_nothing() -> None:
    a = {"image": "x", "labels": {"com.optimus.scalable": "true"}}
    b = {"image": "x", "labels": ["com.optimus.scalable=true"]}
    c = {"image": "x", "ports": ["8000-8010:80"]}
    d = {"image": "x", "ports": ["8000:80"]}
    e = {"image": "x", "volumes": ["data:/data"]}
    assert scalable_services({"a": a, "b": b, "c": c}) == ("a", "b")
    assert scalable_services({"c": c, "d": d, "e": e, "1": {"image": "x"}, "broken": 3}) == ("c", "1")


@pytest.mark.parametrize(("published", "host_port"), [("8000-8010", 0), ("8000", 8000), ("", 0), (None, 0)])
def test_a_range_of_ports_is_the_engine_s_choice(published: str | None, host_port: int) -> None:
    service = {"image": "x", "ports": [{"target": 80, "published": published}]}
    assert stack(web=service).services["web"].published == (PublishedPort("", host_port, 80),)


@pytest.mark.parametrize("published", ["80-", "a-b", "1-2-3", "70000", "8000-70000"])
def test_what_is_no_port_is_refused_with_the_service(published: str) -> None:
    with pytest.raises(Refused, match="web: the published port"):
        stack(web={"image": "x", "ports": [{"target": 80, "published": published}]})


def test_what_others_wait_for_to_end_well_is_a_job_and_has_one_container() -> None:
    waits = {"image": "x", "depends_on": {"seed": {"condition": "service_completed_successfully", "required": False}}}
    made = parse_stack({"services": {"seed": {"image": "x"}, "web": waits}}, balancer="none", migrations="none")
    assert made.jobs == {"seed"}
    assert made.scalable == ("web",)
    assert made.services["web"].depends_on == {"seed": Dependency(COMPLETED, required=False)}


def test_a_migrations_job_that_nobody_waits_for_is_a_job_all_the_same() -> None:
    made = parse_stack({"services": {"migrate": {"image": "x"}}}, balancer="none", migrations="migrate")
    assert made.jobs == {"migrate"}
