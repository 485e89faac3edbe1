"""Prices of models: what settings are read, what is refused, and what tokens cost."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_engine.providers.base import Usage
from ai_engine.providers.catalogue import known_prices, provider_settings
from ai_engine.providers.prices import Price, parse_prices
from optimus_kit.settings import SettingsError

MODELS = ("big", "a/b", "odd=name")
ENVIRON = {"PROVIDERS": "cloud", "CLOUD_BASE_URL": "https://api.example/v1", "CLOUD_MODELS": "big,fast=big-mini"}


def test_prices_are_dollars_for_a_million_tokens() -> None:
    prices = parse_prices(" big=2.5/10, a/b=0/1e-3 ,odd=name=1/2,", "X", MODELS)
    assert prices == {"big": Price(2.5, 10), "a/b": Price(0, 0.001), "odd=name": Price(1, 2)}
    assert prices["big"].of(Usage(1_000_000, 500_000)) == 7.5


@pytest.mark.parametrize(
    "text",
    [
        "small=1/2",
        "big",
        "big=",
        "big=1",
        "big=1/",
        "big=/1",
        "big=1/2/3",
        "big=-1/2",
        "big=nan/1",
        "big=1/inf",
        "big=1/2,big=1/2",
        "big=100001/1",
        "big=a/b",
    ],
)
def test_a_price_that_cannot_be_used_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(SettingsError, match=r"CLOUD_PRICES: '"):
        provider_settings(ENVIRON | {"CLOUD_PRICES": text})


@given(st.text())
def test_any_text_is_prices_or_refused(text: str) -> None:
    try:
        prices = parse_prices(text, "X", MODELS)
    except SettingsError:
        return
    assert prices.keys() <= set(MODELS)
    assert all(0 <= price.read <= 1e5 and 0 <= price.written <= 1e5 for price in prices.values())


def test_only_what_is_set_has_a_price_but_embedded_is_free() -> None:
    environ = ENVIRON | {"CLOUD_PRICES": "fast=1/2"}
    settings = provider_settings(environ)
    assert known_prices(settings, environ) == {("cloud", "fast"): Price(1, 2), ("embedded", "embedded"): Price(0, 0)}
    priced: dict[str, Any] = environ | {"EMBEDDED_PRICES": "embedded=3/4"}
    assert known_prices(settings, priced)["embedded", "embedded"] == Price(3, 4)
    with pytest.raises(SettingsError, match="EMBEDDED_PRICES"):
        known_prices(settings, {"EMBEDDED_PRICES": "embedded/12=3/4"})
