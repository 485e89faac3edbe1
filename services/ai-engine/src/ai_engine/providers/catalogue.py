"""Which providers there are (settings), and which of them serve a model, in the order in which they are tried.

Settings come from the environment, which Compose fills from `.env.models`; keys from secret files:

    PROVIDERS=openai,local          names, in order; empty: only `embedded`
    OPENAI_BASE_URL=https://api.openai.com/v1
    OPENAI_MODELS=gpt-4o-mini,fast=gpt-4o-mini      names on offer; `name=upstream name` renames
    OPENAI_FALLBACK=local:llama3.1                  tried in this order when the provider fails
    LOCAL_KEYLESS=true                              the endpoint wants no key
    secret OPENAI_API_KEYS                          keys, separated by commas or line ends

A provider without keys is left out, so that an empty secret means: not set up yet.
"""

import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

import httpx

from ai_engine.providers.base import Ask, Model, Piece, Provider, Reply
from ai_engine.providers.embedded import Embedded
from ai_engine.providers.openai import OpenAIProvider
from ai_engine.providers.pool import KeyPool, parse_keys
from optimus_kit.errors import ApiError
from optimus_kit.secrets import SecretFolder
from optimus_kit.settings import SettingsError, env_bool

NAME = re.compile(r"[a-z][a-z0-9_]{0,31}\Z")
FAILING = frozenset({502, 503, 504})


@dataclass(frozen=True)
class ProviderSettings:
    """One endpoint. `fallback` holds (provider, model) pairs."""

    name: str
    base_url: str
    models: tuple[tuple[str, str], ...]
    fallback: tuple[tuple[str, str], ...] = ()
    keyless: bool = False


def provider_settings(environ: Mapping[str, str]) -> tuple[ProviderSettings, ...]:
    """Read the settings of all providers.

    Raises:
        SettingsError: naming the variable that cannot be used.
    """
    return tuple(_settings(name, environ) for name in _items(environ.get("PROVIDERS", "")))


def _settings(name: str, environ: Mapping[str, str]) -> ProviderSettings:
    if not NAME.match(name) or name == "embedded":
        raise SettingsError(f"PROVIDERS: {name!r} is not a provider's name (letters, digits, '_'; not 'embedded')")
    prefix = name.upper()
    url = environ.get(f"{prefix}_BASE_URL", "").strip()
    if not url.startswith(("http://", "https://")):
        raise SettingsError(f"{prefix}_BASE_URL={url!r}: a URL with http:// or https:// is wanted")
    models = tuple(_pair(item, "=") for item in _items(environ.get(f"{prefix}_MODELS", "")))
    if not models:
        raise SettingsError(f"{prefix}_MODELS names no model")
    fallback = tuple(_fallback(item, prefix) for item in _items(environ.get(f"{prefix}_FALLBACK", "")))
    return ProviderSettings(name, url, models, fallback, env_bool(environ, f"{prefix}_KEYLESS", default=False))


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


def build_providers(settings: Sequence[ProviderSettings], secrets: SecretFolder) -> "Catalogue":
    """Make the providers that have keys, and `embedded`.

    Raises:
        SettingsError: a fallback names a provider that is not in PROVIDERS.
    """
    names = {"embedded", *(entry.name for entry in settings)}
    providers: list[Provider] = [Embedded()]
    fallbacks: dict[str, tuple[tuple[str, str], ...]] = {}
    for entry in settings:
        unknown = [name for name, _ in entry.fallback if name not in names]
        if unknown:
            raise SettingsError(f"{entry.name.upper()}_FALLBACK: {unknown[0]!r} is not in PROVIDERS")
        keys = ("",) if entry.keyless else parse_keys(secrets.get(f"{entry.name.upper()}_API_KEYS") or "")
        if keys:
            client = httpx.AsyncClient(follow_redirects=False)
            providers.append(OpenAIProvider(entry.name, entry.base_url, dict(entry.models), KeyPool(keys), client))
            fallbacks[entry.name] = entry.fallback
    return Catalogue(providers, fallbacks)


@dataclass(frozen=True)
class Route:
    """A provider, and the model's name there."""

    provider: Provider
    model: str


class Catalogue:
    """All providers as one.

    Args:
        providers: in the order in which a model is looked for.
        fallbacks: provider's name -> (provider, model) pairs tried when it fails.
    """

    def __init__(
        self, providers: Sequence[Provider], fallbacks: Mapping[str, Sequence[tuple[str, str]]] | None = None
    ) -> None:
        self._providers = {provider.name: provider for provider in providers}
        self._fallbacks = dict(fallbacks or {})

    def models(self) -> tuple[Model, ...]:
        """Return what is on offer."""
        return tuple(model for provider in self._providers.values() for model in provider.models())

    def routes(self, model: str) -> tuple[Route, ...]:
        """Return the ways to an answer, the first being the one asked for.

        Raises:
            ApiError: 404 when no provider serves the model.
        """
        for provider in self._providers.values():
            if provider.serves(model):
                return (Route(provider, model), *self._fallback_routes(provider.name))
        raise ApiError(404, f"The model {model!r} does not exist.", code="model_not_found", param="model")

    def _fallback_routes(self, name: str) -> tuple[Route, ...]:
        pairs = ((self._providers.get(other), model) for other, model in self._fallbacks.get(name, ()))
        return tuple(Route(provider, model) for provider, model in pairs if provider and provider.serves(model))

    async def aclose(self) -> None:
        """Close all providers."""
        for provider in self._providers.values():
            await provider.aclose()


async def complete(routes: Sequence[Route], ask: Ask) -> Reply:
    """Return the reply of the first route that has one.

    Raises:
        ApiError: of the last route, or at once an error that is the request's own.
    """
    for route in routes[:-1]:
        try:
            return await route.provider.complete(replace(ask, model=route.model))
        except ApiError as error:
            if error.status not in FAILING:
                raise
    return await routes[-1].provider.complete(replace(ask, model=routes[-1].model))


async def stream(routes: Sequence[Route], ask: Ask) -> AsyncGenerator[Piece, None]:
    """Yield the pieces of the first route that begins; once begun, no other is tried. Errors as for `complete`."""
    for position, route in enumerate(routes, 1):
        begun = False
        try:
            async with aclosing(route.provider.stream(replace(ask, model=route.model))) as found:
                async for piece in found:
                    begun = True
                    yield piece
            return
        except ApiError as error:
            if begun or position == len(routes) or error.status not in FAILING:
                raise
