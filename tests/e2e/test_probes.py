import httpx
import pytest
from tests.e2e.driven import OwnPlatform, Platform

SERVICES = ("ai_engine", "backend")


def address(platform: Platform, service: str) -> str:
    return platform.ai_engines[0] if service == "ai_engine" else platform.backend


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_each_probe_answers(platform: Platform, http: httpx.Client, service: str, path: str) -> None:
    assert http.get(address(platform, service) + path).status_code == 200


@pytest.mark.parametrize("service", SERVICES)
def test_replicas_tell_metrics_and_the_balancer_none(platform: Platform, http: httpx.Client, service: str) -> None:
    own = isinstance(platform, OwnPlatform)
    assert http.get(address(platform, service) + "/metrics").status_code == (200 if own else 404)


@pytest.mark.parametrize("service", SERVICES)
def test_each_response_says_who_served_it_and_carries_the_callers_id(
    platform: Platform, http: httpx.Client, service: str
) -> None:
    for path in ("/health", "/no-such-page"):
        answer = http.get(address(platform, service) + path, headers={"X-Request-Id": "e2e.1_2-3"})
        assert answer.headers["X-Served-By"]
        assert answer.headers["X-Request-Id"] == "e2e.1_2-3"


@pytest.mark.parametrize("service", SERVICES)
def test_an_id_that_is_none_is_replaced(platform: Platform, http: httpx.Client, service: str) -> None:
    answer = http.get(f"{address(platform, service)}/health", headers={"X-Request-Id": "a b;c"})
    assert answer.headers["X-Request-Id"] not in {"", "a b;c"}
