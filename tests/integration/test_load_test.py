"""`invoke load-test` on a real stack, by both generators."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.integration.platform import Platform

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("engine", ["locust", "k6"])
def test_every_kind_of_request_is_answered_right(platform: Platform, engine: str, tmp_path: Path) -> None:
    words = ("--rate", "12", "--duration", "5s", "--engine", engine, "--report", str(tmp_path), "--json")
    document = platform.invoke("load-test", *words).check().json
    assert document["valid"]
    assert document["achieved"] == 1
    assert document["total"]["failed"] == {}
    flows = {(flow["class"], flow["tenant"]): flow for flow in document["flows"]}
    assert {name for name, _tenant in flows} == {"chat", "stream", "webhook"}
    assert {tenant for _name, tenant in flows} == {"acme", "globex"}
    assert all(flow["first_token"]["p50"] for (name, _tenant), flow in flows.items() if name == "stream")
    [*_, last] = document["platform"]
    assert last["replicas ai-engine"] == len(platform.replicas("ai-engine"))
    files = {path.name for path in tmp_path.iterdir()}
    assert {"load-test.html", "load-test.md", "load-test.json", "load-test.xml", "load-test-rate.svg"} <= files


@pytest.mark.parametrize("engine", ["locust", "k6"])
def test_searches_dashboards_and_paths(platform: Platform, engine: str) -> None:
    for endpoint in ("search", "dashboard", "/v1/models"):
        words = ("--users", "2", "--duration", "2s", "--engine", engine, "--endpoint", endpoint, "--json")
        document = platform.invoke("load-test", *words).check().json
        assert document["total"]["ok"] == document["total"]["offered"] > 0


def test_no_key_is_in_what_is_printed_or_kept(platform: Platform, tmp_path: Path) -> None:
    ran = platform.invoke("load-test", "--users", "2", "--duration", "2s", "--report", str(tmp_path)).check()
    keys = [platform.secret(f"TENANT_{name}_API_KEY") for name in ("ACME", "GLOBEX")]
    texts = [ran.text, *(path.read_text() for path in tmp_path.iterdir())]
    assert all(keys)
    assert not any(key in text for key in keys for text in texts)


def test_a_target_that_refuses_is_told_before_any_load(platform: Platform) -> None:
    ran = platform.invoke("load-test", "--target", "http://127.0.0.1:9", "--users", "2", "--duration", "2s")
    assert (ran.code, "connection refused" in ran.text) == (2, True)
