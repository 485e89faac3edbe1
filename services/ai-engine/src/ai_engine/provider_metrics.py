"""What is asked of providers, as metrics: tokens and cost by tenant, times by model."""

import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Histogram

from ai_engine.providers.base import Ask, Model, Piece, Provider, Reply, Usage
from ai_engine.providers.prices import Price
from optimus_kit.errors import ApiError

# As the semantic conventions have them, but for steps that no dashboard would tell apart.
DURATION_BUCKETS = (0.05, 0.25, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0)
FIRST_TOKEN_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)
OTHER = "other"
ERRORS = {429: "rate_limited", 502: "bad_answer", 503: "unavailable", 504: "timeout"}


class ProviderMetrics:
    """Counts what providers are asked; see the module.

    Args:
        registry: where the metrics are shown.
        prices: by provider's name and model.
    """

    def __init__(self, registry: CollectorRegistry, prices: Mapping[tuple[str, str], Price]) -> None:
        self._prices = prices
        of_model = ("gen_ai_provider_name", "gen_ai_request_model")
        tokens = Counter(
            "gen_ai_client_token_usage",
            "Tokens read (input) and written (output); of streams that were broken off, none",
            ("tenant", *of_model, "gen_ai_token_type"),
            registry=registry,
        )
        cost = Counter(
            "optimus_llm_cost_usd",
            "Cost of the tokens in US dollars, of models that have a price",
            ("tenant", *of_model),
            unit="usd",
            registry=registry,
        )
        seconds = Histogram(
            "gen_ai_client_operation_duration_seconds",
            "Time of a provider's whole answer, with all keys that were tried; streams to their end",
            (*of_model, "error_type"),
            unit="seconds",
            buckets=DURATION_BUCKETS,
            registry=registry,
        )
        first_token = Histogram(
            "gen_ai_server_time_to_first_token_seconds",
            "Time to the first words of a streamed answer",
            of_model,
            unit="seconds",
            buckets=FIRST_TOKEN_BUCKETS,
            registry=registry,
        )
        # Few, and looked up at each request.
        self._tokens, self._cost = cache(tokens.labels), cache(cost.labels)
        self._seconds, self._first_token = cache(seconds.labels), cache(first_token.labels)

    def metered(self, provider: Provider) -> Provider:
        """Return a provider that is counted."""
        return Metered(provider, self)

    def ended(self, provider: str, model: str, seconds: float, error: str) -> None:
        """Count an answer, or what there was instead of one."""
        self._seconds(provider, model, error).observe(seconds)

    def began(self, provider: str, model: str, seconds: float) -> None:
        """Count the first words of a stream."""
        self._first_token(provider, model).observe(seconds)

    def used(self, provider: str, model: str, tenant: str, usage: Usage) -> None:
        """Count tokens, and what they cost where that is known."""
        self._tokens(tenant, provider, model, "input").inc(usage.prompt_tokens)
        self._tokens(tenant, provider, model, "output").inc(usage.completion_tokens)
        price = self._prices.get((provider, model))
        if price is not None:
            self._cost(tenant, provider, model).inc(price.of(usage))


class Metered:
    """A provider whose answers are counted.

    Args:
        provider: it.
        metrics: counts.
    """

    def __init__(self, provider: Provider, metrics: ProviderMetrics) -> None:
        self._provider = provider
        self._metrics = metrics
        self.name = provider.name
        self.models = provider.models
        self.serves = provider.serves
        self.immediate = provider.immediate
        self.aclose = provider.aclose

    async def complete(self, ask: Ask) -> Reply:
        """Return the whole reply."""
        started = time.perf_counter()
        error = "cancelled"
        model = self._label(ask.model)
        try:
            reply = await self._provider.complete(ask)
            error = ""
        except Exception as failure:
            error = answer_error_type(failure)
            raise
        finally:
            self._metrics.ended(self.name, model, time.perf_counter() - started, error)
        self._metrics.used(self.name, model, ask.tenant, reply.usage)
        return reply

    async def stream(self, ask: Ask) -> AsyncGenerator[Piece, None]:
        """Yield the reply in pieces."""
        started = time.perf_counter()
        error, silent = "cancelled", True
        model = self._label(ask.model)
        usage: Usage | None = None
        try:
            async with aclosing(self._provider.stream(ask)) as pieces:
                async for piece in pieces:
                    if silent and piece.says_something:
                        silent = False
                        self._metrics.began(self.name, model, time.perf_counter() - started)
                    usage = piece.usage or usage
                    yield piece
            error = ""
        except Exception as failure:
            error = answer_error_type(failure)
            raise
        finally:
            self._metrics.ended(self.name, model, time.perf_counter() - started, error)
            if usage is not None:
                self._metrics.used(self.name, model, ask.tenant, usage)

    def _label(self, model: str) -> str:
        return model_label(model, self.models())


def model_label(model: str, offered: tuple[Model, ...]) -> str:
    """Return the model as a label has it: as the catalogue lists it, never what a client made of it."""
    names = {entry.id for entry in offered}
    # What is behind a slash may be a latency: embedded/12000.
    family = model.partition("/")[0]
    return model if model in names else family if family in names else OTHER


def answer_error_type(error: Exception) -> str:
    """Return a word of few for what the client is told instead of an answer, whatever each attempt failed of."""
    if not isinstance(error, ApiError):
        return "internal"
    return ERRORS.get(error.status, "request" if error.status < 500 else "internal")
