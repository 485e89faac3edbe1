"""When a registry is asked what an image's name stands for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.unit.stacks import stack

from optimus_ops.errors import Refused
from optimus_ops.model.pull_policy import Asking, PullPolicy

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("policy", "asking", "asks"),
    [
        (PullPolicy(), "by policy", False),
        (PullPolicy("missing"), "by policy", False),
        (PullPolicy("if_not_present"), "by policy", False),
        (PullPolicy("build", builds=True), "by policy", False),
        (PullPolicy("never"), "by policy", False),
        (PullPolicy("always"), "by policy", True),
        (PullPolicy("always", builds=True), "by policy", True),
        (PullPolicy("always", pinned=True), "by policy", False),
        (PullPolicy(), "always", True),
        (PullPolicy("never"), "always", True),
        (PullPolicy(builds=True), "always", False),
        (PullPolicy("build", builds=True), "always", False),
        (PullPolicy("always", builds=True), "always", True),
        (PullPolicy(pinned=True), "always", False),
        (PullPolicy("always"), "never", False),
        (PullPolicy("daily"), "never", False),
    ],
)
def test_the_operator_goes_before_the_policy_but_for_what_only_a_build_gives(
    policy: PullPolicy, asking: Asking, asks: bool
) -> None:
    assert policy.asks(NOW, NOW, asking) is asks


@pytest.mark.parametrize(
    ("name", "hours", "asks"),
    [
        ("daily", 23, False),
        ("daily", 24, True),
        ("weekly", 7 * 24 - 1, False),
        ("weekly", 7 * 24, True),
        ("every_12h", 11, False),
        ("every_12h", 12, True),
        ("every_1d12h", 35, False),
        ("every_1d12h", 36, True),
        ("every_90m", 1, False),
        ("every_90m", 2, True),
    ],
)
def test_some_policies_ask_again_after_a_while(name: str, hours: float, asks: bool) -> None:
    assert PullPolicy(name).asks(NOW - timedelta(hours=hours), NOW) is asks


def test_without_a_time_it_is_time() -> None:
    assert PullPolicy("daily").asks(None, NOW)
    assert PullPolicy("daily").asks(NOW, NOW, "always")


@pytest.mark.parametrize("name", ["sometimes", "every_", "every_12", "every_h", "12h", "every_-1h"])
def test_what_is_no_policy_is_refused(name: str) -> None:
    with pytest.raises(Refused, match="pull_policy"):
        PullPolicy(name).asks(NOW, NOW)


def test_the_policy_of_an_image_is_that_of_a_service_that_says_one() -> None:
    shared = stack(
        one={"image": "shop/x:1"}, other={"image": "shop/x:1", "pull_policy": "always"}, third={"image": "y@sha256:0"}
    )
    assert shared.policy_of("shop/x:1") == PullPolicy("always")
    assert shared.policy_of("y@sha256:0").pinned
    assert shared.policy_of("shop/ai:local").builds
