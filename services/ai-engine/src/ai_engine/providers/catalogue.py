"""Which providers there are (settings), and which of them serve a model, in the order in which they are tried.

Settings come from the environment, which Compose fills from `.env.models`; keys from secret files:

    PROVIDERS=openai,local          names, in order; empty: only `embedded`
    OPENAI_BASE_URL=https://api.openai.com/v1
    OPENAI_MODELS=gpt-4o-mini,fast=gpt-4o-mini      names on offer; `name=upstream name` renames
    OPENAI_FALLBACK=local:llama3.1                  tried in this order when the provider fails
    LOCAL_KEYLESS=true                              the endpoint wants no key
    OPENAI_PRICES=fast=0.15/0.6                     what models cost (prices.py); EMBEDDED_PRICES for `embedded`
    secret OPENAI_API_KEYS                          keys, separated by commas or line ends

For all of them, per process:

    PROVIDER_FIRST_BYTE_SECONDS=20   a key that has sent nothing by then: the next one is tried
    PROVIDER_READ_SECONDS=120        between two bytes, and for a whole answer
    PROVIDER_CONNECTIONS=512         to each provider; half of them are the tenants' equal shares
    PROVIDER_WAIT_SECONDS=2          for a connection; who would in vain is refused at once: a tenant that has its share
                                     with 429 `tenant_queue_full`, else 503 `overloaded`

A provider without keys is left out, so that an empty secret means: not set up yet. Keys are read again when the secret
changes; requests under way end with the key that they began with.
"""

import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial

from ai_engine.providers.base import Ask, Model, Piece, Provider, Reply
from ai_engine.providers.embedded import NAME as EMBEDDED
from ai_engine.providers.embedded import Embedded
from ai_engine.providers.openai import OpenAIProvider, Patience
from ai_engine.providers.pool import KeyPool
from ai_engine.providers.prices import FREE, Price, parse_prices
from ai_engine.providers.provider_set import PoolKeys, ProviderSet
from optimus_kit.errors import ApiError
from optimus_kit.http_client import HttpClient, Limits
from optimus_kit.secret_watcher import SecretWatcher
from optimus_kit.settings import SettingsError, env_bool, env_float, env_int
from optimus_kit.shares import Shares, Waited
from optimus_kit.weights import Weights

NAME = re.compile(r"[a-z][a-z0-9_]{0,31}\Z")
FAILING = frozenset({502, 503, 504})

USUAL = Patience()
KEYLESS = ("",)


@dataclass(frozen=True)
class Traffic:
    """How requests to providers travel.

    Args:
        patience: time-outs.
        connections: to each provider, from this process.
        wait: seconds that one of them is waited for.
    """

    patience: Patience = USUAL
    connections: int = 512
    wait: float = 2.0

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Traffic":
        """Read the PROVIDER_ variables.

        Raises:
            SettingsError: a value that cannot be used.
        """
        patience = Patience(
            first_byte=env_float(environ, "PROVIDER_FIRST_BYTE_SECONDS", USUAL.first_byte, 0.1, 600),
            read=env_float(environ, "PROVIDER_READ_SECONDS", USUAL.read, 0.1, 3600),
        )
        connections = env_int(environ, "PROVIDER_CONNECTIONS", cls.connections, 2, 65_536)
        return cls(patience, connections, env_float(environ, "PROVIDER_WAIT_SECONDS", cls.wait, 0, 60))


@dataclass(frozen=True)
class ProviderSettings:
    """One endpoint. `fallback` holds (provider, model) pairs, `prices` those of models that have one."""

    name: str
    base_url: str
    models: tuple[tuple[str, str], ...]
    fallback: tuple[tuple[str, str], ...] = ()
    keyless: bool = False
    prices: Mapping[str, Price] = field(default_factory=dict)


def provider_settings(environ: Mapping[str, str]) -> tuple[ProviderSettings, ...]:
    """Read the settings of all providers.

    Raises:
        SettingsError: naming the variable that cannot be used.
    """
    return tuple(_settings(name, environ) for name in _items(environ.get("PROVIDERS", "")))


def _settings(name: str, environ: Mapping[str, str]) -> ProviderSettings:
    if not NAME.match(name) or name == EMBEDDED:
        raise SettingsError(f"PROVIDERS: {name!r} is not a provider's name (letters, digits, '_'; not 'embedded')")
    prefix = name.upper()
    url = environ.get(f"{prefix}_BASE_URL", "").strip()
    if not url.startswith(("http://", "https://")):
        raise SettingsError(f"{prefix}_BASE_URL={url!r}: a URL with http:// or https:// is wanted")
    models = tuple(_pair(item, "=") for item in _items(environ.get(f"{prefix}_MODELS", "")))
    if not models:
        raise SettingsError(f"{prefix}_MODELS names no model")
    fallback = tuple(_fallback(item, prefix) for item in _items(environ.get(f"{prefix}_FALLBACK", "")))
    keyless = env_bool(environ, f"{prefix}_KEYLESS", default=False)
    prices = parse_prices(environ.get(f"{prefix}_PRICES", ""), f"{prefix}_PRICES", dict(models))
    return ProviderSettings(name, url, models, fallback, keyless, prices)


def known_prices(settings: Sequence[ProviderSettings], environ: Mapping[str, str]) -> Mapping[tuple[str, str], Price]:
    """Return the prices by provider and model; `embedded` costs nothing unless EMBEDDED_PRICES says otherwise.

    Raises:
        SettingsError: EMBEDDED_PRICES cannot be used.
    """
    own = {EMBEDDED: FREE} | dict(parse_prices(environ.get("EMBEDDED_PRICES", ""), "EMBEDDED_PRICES", (EMBEDDED,)))
    found = {(entry.name, model): price for entry in settings for model, price in entry.prices.items()}
    return found | {(EMBEDDED, model): price for model, price in own.items()}


def _items(text: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in text.split(",") if item.strip())


def _pair(item: str, separator: str) -> tuple[str, str]:
    left, found, right = item.partition(separator)
    return (left.strip(), right.strip()) if found else (item, item)


def _fallback(item: str, prefix: str) -> tuple[str, str]:
    name, model = _pair(item, ":")
    if name == item:
        raise SettingsError(f"{prefix}_FALLBACK: {item!r} is not provider:model")
    return name, model


def build_providers(
    settings: Sequence[ProviderSettings],
    secrets: SecretWatcher,
    traffic: Traffic | None = None,
    weights: Callable[[], Weights] = Weights,
) -> "Catalogue":
    """Make the providers that have keys, and `embedded`; `weights` are those of the tenants that share them.

    Raises:
        SettingsError: a fallback names a provider that is not in PROVIDERS, or a key cannot be sent in a header.
    """
    traffic = traffic or Traffic()
    names = {EMBEDDED, *(entry.name for entry in settings)}
    for entry in settings:
        unknown = [name for name, _ in entry.fallback if name not in names]
        if unknown:
            raise SettingsError(f"{entry.name.upper()}_FALLBACK: {unknown[0]!r} is not in PROVIDERS")
    entries = {entry.name: entry for entry in settings}
    keys = {entry.name: _keys(entry, secrets) for entry in settings}
    places = {entry.name: Shares(traffic.connections, weights, traffic.wait) for entry in settings}
    providers = ProviderSet(
        secrets, [Embedded()], keys, lambda name: _provider(entries[name], keys[name], traffic, places[name])
    )
    return Catalogue(providers, {entry.name: entry.fallback for entry in settings}, places)


def _keys(entry: ProviderSettings, secrets: SecretWatcher) -> Callable[[], Sequence[str]]:
    return (lambda: KEYLESS) if entry.keyless else PoolKeys(secrets, f"{entry.name.upper()}_API_KEYS")


def _provider(
    entry: ProviderSettings, keys: Callable[[], Sequence[str]], traffic: Traffic, shares: Shares
) -> OpenAIProvider:
    client = HttpClient(limits=Limits(traffic.connections))
    pool = KeyPool(keys)
    models = dict(entry.models)
    return OpenAIProvider(entry.name, entry.base_url, models, pool, client, shares=shares, patience=traffic.patience)


@dataclass(frozen=True)
class Route:
    """A provider, and the model's name there."""

    provider: Provider
    model: str

    def asked(self, ask: Ask) -> Ask:
        """Return what is asked there."""
        return ask if ask.model == self.model else replace(ask, model=self.model)


class Catalogue:
    """All providers as one.

    Args:
        source: returns the providers, in the order in which a model is looked for; the same object unless they changed.
        fallbacks: provider's name -> (provider, model) pairs tried when it fails.
        places: provider's name -> places for requests to it, of those that have a bound.
    """

    def __init__(
        self,
        source: Callable[[], Sequence[Provider]],
        fallbacks: Mapping[str, Sequence[tuple[str, str]]] | None = None,
        places: Mapping[str, Shares] | None = None,
    ) -> None:
        self._source = source
        self.places: Mapping[str, Shares] = dict(places or {})
        self._fallbacks = dict(fallbacks or {})
        self._seen: Sequence[Provider] = ()
        self._providers: dict[str, Provider] = {}
        self._known: dict[str, Provider] = {}
        self._metered: Callable[[Provider], Provider] = lambda provider: provider
        self.refresh()

    def metered_by(self, metered: Callable[[Provider], Provider]) -> None:
        """Have `metered` wrap the providers of all routes that are returned from now on."""
        self._metered = metered

    def waits_observed_by(self, observe: Callable[[str, Waited, float], None]) -> None:
        """Have `observe` told provider, outcome and seconds of each wait for a place."""
        for name, places in self.places.items():
            places.observed_by(partial(observe, name))

    def refuse_backlog(self, routes: Sequence[Route], tenant: str) -> None:
        """Refuse a request that would find no place at the first of its routes because of the tenant's own backlog.

        It costs nothing else then: a flood has to be refused more cheaply than it is made.

        Raises:
            ApiError: 429 `tenant_queue_full`.
        """
        if places := self.places.get(routes[0].provider.name):
            places.refuse_backlog(tenant)

    def refresh(self) -> None:
        """Take the providers as they are now."""
        providers = self._source()
        if providers is not self._seen:
            self._seen = providers
            self._providers = {provider.name: provider for provider in providers}
            self._known |= self._providers

    def models(self) -> tuple[Model, ...]:
        """Return what is on offer."""
        self.refresh()
        return tuple(model for provider in self._providers.values() for model in provider.models())

    def routes(self, model: str) -> tuple[Route, ...]:
        """Return the ways to an answer, the first being the one asked for.

        Raises:
            ApiError: 404 when no provider serves the model.
        """
        self.refresh()
        for provider in self._providers.values():
            if provider.serves(model):
                return (Route(self._metered(provider), model), *self._fallback_routes(provider.name))
        raise ApiError(404, f"The model {model!r} does not exist.", code="model_not_found", param="model")

    def _fallback_routes(self, name: str) -> tuple[Route, ...]:
        pairs = ((self._providers.get(other), model) for other, model in self._fallbacks.get(name, ()))
        return tuple(
            Route(self._metered(provider), model) for provider, model in pairs if provider and provider.serves(model)
        )

    def keyed(self) -> tuple["OpenAIProvider", ...]:
        """Return the providers that had keys when they were last looked at."""
        return tuple(provider for provider in self._providers.values() if isinstance(provider, OpenAIProvider))

    async def aclose(self) -> None:
        """Close all providers, those that have lost their keys as well."""
        for provider in self._known.values():
            await provider.aclose()


async def complete(routes: Sequence[Route], ask: Ask) -> Reply:
    """Return the reply of the first route that has one.

    Raises:
        ApiError: of the last route that failed, or at once an error that is the request's own.
    """
    failure: ApiError | None = None
    for route in routes:
        try:
            return await route.provider.complete(route.asked(ask))
        except ApiError as error:
            failure = _failing(error, failure)
    raise failure or no_route()


async def stream(routes: Sequence[Route], ask: Ask) -> AsyncGenerator[Piece, None]:
    """Yield the pieces of the first route that begins; once begun, no other is tried. Errors as for `complete`."""
    failure: ApiError | None = None
    for route in routes:
        begun = False
        try:
            async with aclosing(route.provider.stream(route.asked(ask))) as found:
                async for piece in found:
                    begun = True
                    yield piece
            return
        except ApiError as error:
            if begun:
                raise
            failure = _failing(error, failure)
    raise failure or no_route()


def no_route() -> ApiError:
    """Make the 503 for a model that nobody serves."""
    return ApiError(503, "No provider serves this model.", code="provider_unavailable")


def _failing(error: ApiError, before: ApiError | None) -> ApiError:
    """Return the failure to go on with; one that is the request's own ends it.

    A fallback may refuse what the model that was asked for would take: then the failure of that one is told.

    Raises:
        ApiError: see above.
    """
    if error.status in FAILING:
        return error
    raise before or error
