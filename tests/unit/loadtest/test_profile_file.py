from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.errors import Refused
from optimus_ops.load.rates import Stage
from optimus_ops.loadtest.model import LoadPlatform, Profile, RequestClass, Threshold
from optimus_ops.loadtest.offered import check_bounds, most_requests, peak_of, scaled, stretched
from optimus_ops.loadtest.profile_file import parse_profile, profile_names, read_profile
from optimus_ops.loadtest.records import FlowKey
from optimus_ops.project.yaml_nodes import YamlError

ROOT = Path(__file__).parents[3]
CHAT = RequestClass("chat", "ai-engine", 8010)
PLATFORM = LoadPlatform(
    (
        CHAT,
        RequestClass("stream", "ai-engine", 8010),
        RequestClass("webhook", "web", 8020),
        RequestClass("dashboard", "web", 8020, tenants=False),
    ),
    ("acme", "globex"),
    ROOT / "loadtests" / "profiles",
    Path("locustfile.py"),
    Path("load.js"),
    CHAT,
)
GOOD = """\
summary: a spike beside users
duration: 1m
connections: 50
load:
  - { class: chat, tenant: acme, stages: [[0s, 10], [30s, 10], [30s, 100]] }
  - { class: stream, rate: 8 }
  - { class: dashboard, users: 3, pause: 500ms }
objectives:
  - { class: chat, tenant: acme, p99: 2s, failures: 0.5% }
fairness: { quiet: globex, flood-begins: 30s, p95-ratio: 1.5 }
"""


def parsed(text: str) -> Profile:
    return parse_profile(text, "loads/test.yaml", "test", PLATFORM)


def test_a_profile() -> None:
    profile = parsed(GOOD)
    assert [(str(flow.key), flow.stages, flow.users) for flow in profile.flows] == [
        ("chat acme", (Stage(0, 10), Stage(30, 10), Stage(30, 100)), 0),
        ("stream acme", (Stage(0, 4),), 0),
        ("stream globex", (Stage(0, 4),), 0),
        ("dashboard", (), 3),
    ]
    key = FlowKey("chat", "acme")
    assert profile.thresholds == (Threshold(key, "p99", 2.0), Threshold(key, "failures", 0.005))
    assert profile.seconds == 60
    assert peak_of(profile) == 108
    assert most_requests(profile) == 10 * 30 + 100 * 30 + 8 * 60 + 3 * 60 / 0.5


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        ("connections:", "conections:", "3:", "did you mean 'connections'?"),
        ("load:", "laod:", "4:", "did you mean 'load'?"),
        ("rate: 8", "rats: 8", "6:", "did you mean 'rate'?"),
        ("p99: 2s", "p98: 2s", "9:", "did you mean"),
        ("quiet:", "quite:", "10:", "did you mean 'quiet'?"),
        ("class: stream", "class: straem", "6:", "did you mean stream?"),
        ("tenant: acme, stages", "tenant: acmee, stages", "5:", "did you mean acme?"),
        ("1m", "5 parsecs", "2:", "no duration"),
        ("rate: 8", "rate: many", "6:", "a number from 0 to"),
        ("rate: 8", "rate: -1", "6:", "a number from 0 to"),
        ("rate: 8", "rate: .nan", "6:", "a number from 0 to"),
        ("users: 3", "users: 0", "7:", "a number from 1 to"),
        ("rate: 8", "rate: 8, users: 2", "6:", "one of 'rate', 'stages' and 'users'"),
        ("[30s, 10]", "[30s]", "5:", "a time and a rate"),
        ("[0s, 10]", "[10s, 10]", "5:", "the first stage is at 0s"),
        ("[30s, 100]", "[20s, 100]", "5:", "ascend"),
        ("0.5%", "200%", "9:", "a share from 0% to 100%"),
        ("flood-begins: 30s", "flood-begins: 2m", "10:", "after the end"),
        ("class: dashboard,", "class: dashboard, tenant: acme,", "7:", "no tenant's"),
        ("duration: 1m", "duration: [", "4:", "not YAML"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(old: str, new: str, place: str, message: str) -> None:
    with pytest.raises(YamlError) as error:
        parsed(GOOD.replace(old, new, 1))
    assert str(error.value).startswith(f"loads/test.yaml:{place}")
    assert message in str(error.value)


@given(st.text(max_size=60))
def test_any_text_is_a_profile_or_refused(text: str) -> None:
    with pytest.raises(Refused):
        parsed(text)


@given(
    st.text(alphabet="0123456789smh%.-[]{}:,'\" \n", max_size=20), st.sampled_from(["1m", "8", "2s", "0.5%", "chat"])
)
def test_any_value_is_a_profile_or_refused(value: str, old: str) -> None:
    place = ""
    try:
        parsed(GOOD.replace(old, value, 1))
    except Refused as error:
        place = str(error)
    assert not place or place.startswith("loads/test.yaml")


@pytest.mark.parametrize("name", profile_names(PLATFORM))
def test_the_profiles_of_the_checkout_are_right(name: str) -> None:
    profile = read_profile(name, PLATFORM, ROOT)
    check_bounds(profile)
    assert profile.summary
    assert profile.thresholds or profile.fairness


def test_a_profile_that_is_not_there() -> None:
    with pytest.raises(Refused, match="no such profile") as error:
        read_profile("spke", PLATFORM, ROOT)
    assert "did you mean spike?" in str(error.value)


def test_the_spike_is_of_ten_times_in_half_a_minute() -> None:
    profile = read_profile("spike", PLATFORM, ROOT)
    for flow in profile.flows:
        first, second, third = flow.stages[:3]
        assert second.rate == first.rate
        assert third.rate == 10 * second.rate
        assert third.at - second.at == 30


def test_another_duration_stretches_all_times() -> None:
    profile = stretched(parsed(GOOD), 30)
    assert profile.flows[0].stages == (Stage(0, 10), Stage(15, 10), Stage(15, 100))
    assert profile.fairness is not None
    assert profile.fairness.begins == 15


def test_another_rate_scales_all_rates() -> None:
    profile = scaled(parsed(GOOD), 54)
    assert peak_of(profile) == 54
    assert profile.flows[0].stages == (Stage(0, 5), Stage(30, 5), Stage(30, 50))


def test_a_load_has_bounds() -> None:
    with pytest.raises(Refused, match="a day"):
        check_bounds(stretched(parsed(GOOD), 100_000))
    with pytest.raises(Refused, match="at most 5,000,000"):
        check_bounds(stretched(scaled(parsed(GOOD), 5_000), 3_600))
