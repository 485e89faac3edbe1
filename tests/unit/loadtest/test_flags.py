from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.errors import Refused
from optimus_ops.load.rates import peak_rate
from optimus_ops.loadtest.flags import LoadFlags, apportioned, flag_profile
from optimus_ops.loadtest.model import LoadPlatform, RequestClass
from optimus_ops.text.durations import parse_duration

CHAT = RequestClass("chat", "ai-engine", 8010, 6)
PLATFORM = LoadPlatform(
    (CHAT, RequestClass("stream", "ai-engine", 8010, 3), RequestClass("dashboard", "web", 8020, 1, tenants=False)),
    ("acme", "globex"),
    Path("profiles"),
    Path("locustfile.py"),
    Path("load.js"),
    CHAT,
)


@pytest.mark.parametrize(
    ("text", "seconds"), [("60s", 60), ("90", 90), ("5m", 300), ("1h30m", 5400), ("250ms", 0.25), ("1.5m", 90)]
)
def test_a_duration(text: str, seconds: float) -> None:
    assert parse_duration(text, "--duration") == seconds


@pytest.mark.parametrize("text", ["5 parsecs", "", "s", "-5s", "5x", "1m 5s", "0s", "0", "nan", "1e9"])
def test_no_duration(text: str) -> None:
    with pytest.raises(Refused, match="duration"):
        parse_duration(text, "--duration")


@given(st.integers(0, 500), st.lists(st.floats(0.1, 10), min_size=1, max_size=8))
def test_users_are_divided_without_a_rest(total: int, weights: list[float]) -> None:
    counts = apportioned(total, weights)
    assert sum(counts) == total
    assert all(abs(count - total * weight / sum(weights)) < 1 for count, weight in zip(counts, weights, strict=True))


def test_users_of_mixed_are_of_all_classes_and_tenants() -> None:
    profile = flag_profile(LoadFlags(users=20), PLATFORM, 60)
    assert {str(flow.key): flow.users for flow in profile.flows} == {
        "chat acme": 6,
        "chat globex": 6,
        "stream acme": 3,
        "stream globex": 3,
        "dashboard": 2,
    }


def test_a_rate_is_divided_likewise() -> None:
    profile = flag_profile(LoadFlags("chat", rate=50), PLATFORM, 60)
    assert {str(flow.key): peak_rate(flow.stages) for flow in profile.flows} == {"chat acme": 25, "chat globex": 25}


def test_one_tenant_alone() -> None:
    profile = flag_profile(LoadFlags("stream", users=4, tenants=("globex",)), PLATFORM, 60)
    assert [(str(flow.key), flow.users) for flow in profile.flows] == [("stream globex", 4)]


def test_a_path_is_a_class_of_its_own() -> None:
    profile = flag_profile(LoadFlags("/v1/models", users=2), PLATFORM, 60)
    assert {flow.key.request_class for flow in profile.flows} == {"path"}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (LoadFlags("caht"), "did you mean chat"),
        (LoadFlags("teapot"), "there are: chat, stream, dashboard, mixed"),
        (LoadFlags("/a b"), "no spaces"),
        (LoadFlags(tenants=("acmee",)), "did you mean acme"),
        (LoadFlags(users=2, rate=3.0), "one of them"),
    ],
)
def test_what_is_refused(flags: LoadFlags, message: str) -> None:
    with pytest.raises(Refused) as error:
        flag_profile(flags, PLATFORM, 60)
    assert message in str(error.value)
