"""Putting the service together."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.routing import Route

from ai_engine.chat import Chat
from ai_engine.conversations import Conversations, SessionSettings
from ai_engine.key_status import KeyCollector, presence_of
from ai_engine.limits import SCRIPTS, Gate
from ai_engine.memory_prompt import MemoryPrompt, memories_alone
from ai_engine.models_api import ModelsApi
from ai_engine.named_prompt import NamedPrompts
from ai_engine.openapi import add_openapi
from ai_engine.place_waits import PlacesCollector, PlaceWaits, StartsCollector
from ai_engine.provider_metrics import ProviderMetrics
from ai_engine.providers.catalogue import Traffic, build_providers, known_prices, provider_settings
from ai_engine.recall import CONNECTIONS, MIN_SCORE, SECONDS, Recall
from ai_engine.store import Store
from optimus_kit.app import create_app
from optimus_kit.background import background
from optimus_kit.fair_start import FairStart
from optimus_kit.http_client import Limits
from optimus_kit.metrics import tenant_key_counter
from optimus_kit.presence import announce
from optimus_kit.prompts import PromptLibrary
from optimus_kit.redis import connect
from optimus_kit.redis.writable import write_check
from optimus_kit.secret_watcher import SecretWatcher
from optimus_kit.settings import ServiceSettings, env_float, env_int
from optimus_kit.shares import Shares
from optimus_kit.tenancy import Tenants
from optimus_kit.traced_client import InsideClient

PORT = 8010


def build_app(environ: Mapping[str, str] | None = None) -> FastAPI:
    """Make the application from the environment (the process's own by default).

    Further settings: MEMORY_ENGINE_URL (empty: no recall), RECALL_MIN_SCORE (cosine), REQUEST_TIMEOUT (s), PROMPTS_DIR
    (empty: memories without words around them), those of the sessions (see `session_settings`) and those of the
    providers (see `providers.catalogue`).

    Raises:
        SettingsError: a setting that cannot be used.
    """
    environ = os.environ if environ is None else environ
    settings = ServiceSettings.from_env(environ, service="ai-engine", port=PORT)
    secrets = SecretWatcher(settings.secrets)
    tenants = Tenants.load(settings.tenants_file, secrets)
    traffic = Traffic.from_env(environ)
    endpoints = provider_settings(environ)
    prices = known_prices(endpoints, environ)
    providers = build_providers(endpoints, secrets, traffic, tenants.weights)
    sessions = session_settings(environ)
    deadline = env_float(environ, "REQUEST_TIMEOUT", 280.0, 1, 3600)
    redis = connect(settings.redis, secrets)
    store = Store(redis, SCRIPTS, settings.redis.deadline, settings.redis.durability)
    conversations = Conversations(store, sessions, lambda: len(tenants.active()))
    gate = Gate(store, conversations)
    prompts = PromptLibrary.from_env(environ)
    recall = _recall(environ, tenants, prompts)

    def told() -> Mapping[str, object]:
        providers.refresh()
        return presence_of(providers.keyed())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with (
            background(announce(redis, settings, app.state.drain, told)),
            background(gate.renew_leases()),
            background(conversations.follow_memory()),
        ):
            yield
        await providers.aclose()
        await recall.aclose()
        await store.aclose()

    checks = {"redis": write_check(redis, settings.service)}
    app = create_app(settings, checks=checks, secrets=secrets, lifespan=lifespan, title="Optimus ai-engine")
    tenants.count_keys(tenant_key_counter(app.state.metrics.registry))
    app.state.metrics.add(KeyCollector(providers.keyed, tenants))
    providers.metered_by(ProviderMetrics(app.state.metrics.registry, prices).metered)
    app.state.metrics.add(PlacesCollector(providers.places))
    providers.waits_observed_by(PlaceWaits(app.state.metrics.registry).observe)
    models = ModelsApi(tenants, providers)
    starts = FairStart(tenants.weights)
    app.state.metrics.add(StartsCollector(starts))
    chat = Chat(tenants, gate, providers, recall, NamedPrompts(prompts), deadline, starts)
    # First, because each route before it would be tried before each chat.
    app.router.routes.insert(0, Route("/v1/chat/completions", chat, methods=["POST"]))
    app.add_route("/v1/models", models.list, methods=["GET"])
    app.add_route("/v1/models/{model:path}", models.get, methods=["GET"])
    add_openapi(app)
    return app


def session_settings(environ: Mapping[str, str]) -> SessionSettings:
    """Read SESSION_MAX_MESSAGES, SESSION_TTL (s), SESSION_MAX_BYTES, SESSIONS_PER_TENANT and SESSIONS_TOTAL_BYTES.

    Raises:
        SettingsError: a value that cannot be used.
    """
    default = SessionSettings()
    total = env_int(environ, "SESSIONS_TOTAL_BYTES", 0, 0, 1 << 44)
    return SessionSettings(
        max_messages=env_int(environ, "SESSION_MAX_MESSAGES", default.max_messages, 2, 1000),
        ttl=env_int(environ, "SESSION_TTL", default.ttl, 60, 31_536_000),
        max_bytes=env_int(environ, "SESSION_MAX_BYTES", default.max_bytes, 1024, 1 << 30),
        max_sessions=env_int(environ, "SESSIONS_PER_TENANT", default.max_sessions, 1, 10_000_000),
        total_bytes=total or None,
    )


def _recall(environ: Mapping[str, str], tenants: Tenants, prompts: PromptLibrary | None) -> Recall:
    return Recall(
        environ.get("MEMORY_ENGINE_URL", "").strip(),
        InsideClient(limits=Limits(CONNECTIONS)),
        MemoryPrompt(prompts, tenants.get) if prompts else memories_alone,
        min_score=env_float(environ, "RECALL_MIN_SCORE", MIN_SCORE, -1, 1),
        shares=Shares(CONNECTIONS, tenants.weights, SECONDS),
    )
