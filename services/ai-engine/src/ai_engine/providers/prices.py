"""What models cost: settings of the form `OPENAI_PRICES=gpt-4o=2.5/10, gpt-4o-mini=0.15/0.6`.

Each is US dollars for a million tokens read, and for a million written. A model without a price has no known cost.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ai_engine.providers.base import Usage
from optimus_kit.settings import SettingsError

TOKENS = 1_000_000
DEAREST = 100_000.0


@dataclass(frozen=True)
class Price:
    """US dollars for a million tokens."""

    read: float
    written: float

    def of(self, usage: Usage) -> float:
        """Return what the tokens cost, in US dollars; discounts (for cached tokens) are not known."""
        return (usage.prompt_tokens * self.read + usage.completion_tokens * self.written) / TOKENS


FREE = Price(0.0, 0.0)


def parse_prices(text: str, variable: str, models: Iterable[str]) -> Mapping[str, Price]:
    """Read prices by model.

    Args:
        text: the setting.
        variable: its name, for errors.
        models: that may have one.

    Raises:
        SettingsError: naming the variable and the entry that cannot be used.
    """
    known = frozenset(models)
    prices: dict[str, Price] = {}
    for entry in filter(None, map(str.strip, text.split(","))):
        # The last one: a model's name may hold what the others are.
        model, _, price = (part.strip() for part in entry.rpartition("="))
        if model not in known:
            raise SettingsError(f"{variable}: {entry!r} is not model=read/written of a model that the provider offers")
        if model in prices:
            raise SettingsError(f"{variable}: {model!r} has two prices")
        read, _, written = price.partition("/")
        prices[model] = Price(_dollars(read, variable, entry), _dollars(written, variable, entry))
    return prices


def _dollars(text: str, variable: str, entry: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= DEAREST:
        raise SettingsError(
            f"{variable}: {entry!r}: two numbers from 0 to {DEAREST:g} are wanted, US dollars for a million tokens"
        )
    return value
