"""The models of this platform, by its environment and the operator's secrets."""

from __future__ import annotations

import pytest
from evals.platform import load_platform
from tests.unit.repository import CHECKOUT

from optimus_ops.errors import Refused
from optimus_ops.secrets.value import Secret

PROVIDER = {
    "OPTIMUS_EVAL_URL": "https://models.example.com/v1",
    "OPTIMUS_EVAL_MODEL_NAME": "gpt-x",
    "OPTIMUS_EVAL_API_KEY": "a-key",
    "OPTIMUS_EVAL_PRICES": "0.40 1.60",
}


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*PROVIDER, "AI_ENGINE_PORT"):
        monkeypatch.delenv(name, raising=False)


def test_without_settings_the_scripted_model_and_the_stack_s_are_there() -> None:
    secrets = {"TENANT_ACME_API_KEY": Secret("k"), "TENANT_BIG_SHOP_API_KEY": Secret("l"), "OTHER": Secret("m")}

    platform = load_platform(CHECKOUT, secrets)

    assert [*platform.models] == ["scripted", "ai-engine"]
    assert platform.endpoint("").deterministic
    stack = platform.models["ai-engine"]
    assert (stack.model, stack.url, sorted(stack.keys)) == (
        "embedded",
        "http://127.0.0.1:8010/v1",
        ["acme", "big-shop"],
    )
    assert stack.prices == (0.0, 0.0)


def test_a_provider_is_asked_with_its_key_at_its_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in PROVIDER.items():
        monkeypatch.setenv(name, value)

    provider = load_platform(CHECKOUT, {}).models["provider"]

    assert (provider.model, provider.url, provider.prices) == ("gpt-x", PROVIDER["OPTIMUS_EVAL_URL"], (0.4, 1.6))
    key = provider.key("acme")
    assert key is not None
    assert key.reveal() == "a-key"
    assert "a-key" not in repr(provider)


@pytest.mark.parametrize("prices", ["0.40", "cheap dear", "-1 2", "1 2 3", "nan 1", "inf 1"])
def test_prices_are_two_amounts(monkeypatch: pytest.MonkeyPatch, prices: str) -> None:
    monkeypatch.setenv("OPTIMUS_EVAL_MODEL_NAME", "gpt-x")
    monkeypatch.setenv("OPTIMUS_EVAL_PRICES", prices)

    with pytest.raises(Refused, match="OPTIMUS_EVAL_PRICES: two numbers are wanted"):
        load_platform(CHECKOUT, {})
