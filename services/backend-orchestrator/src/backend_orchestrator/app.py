"""The HTTP service, put together."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from fastapi import FastAPI

from backend_orchestrator.broadcast import Broadcaster
from backend_orchestrator.dashboard import page_routes, socket_routes
from backend_orchestrator.dashboard_access import DashboardAccess, session_routes
from backend_orchestrator.intake import Intake
from backend_orchestrator.messages_api import message_routes
from backend_orchestrator.phone_numbers import PhoneNumbers
from backend_orchestrator.sessions import Sessions
from backend_orchestrator.settings import OrchestratorSettings
from backend_orchestrator.signature import Signatures
from backend_orchestrator.snapshot import RedisObserver, now
from backend_orchestrator.store_metrics import show_stores
from backend_orchestrator.webhook import WEBHOOK, item_counter, webhook_routes
from optimus_kit.app import create_app
from optimus_kit.background import background
from optimus_kit.metrics import tenant_key_counter
from optimus_kit.presence import announce
from optimus_kit.redis import connect
from optimus_kit.redis.writable import write_check
from optimus_kit.secret_watcher import SecretWatcher
from optimus_kit.tenancy import Tenants


def build_app(environ: Mapping[str, str] = os.environ) -> FastAPI:
    """The application that `environ` describes.

    Raises:
        SettingsError: a setting or the tenants file cannot be used.
    """
    settings = OrchestratorSettings.from_env(environ)
    service = settings.service
    secrets = SecretWatcher(service.secrets)
    redis = connect(service.redis, secrets, decode_responses=True)
    tenants = Tenants.load(service.tenants_file, secrets)
    intake = Intake(redis, settings.intake, service.redis.durability, shares=lambda: len(tenants.active()))
    observer = RedisObserver(redis, lambda: [tenant.name for tenant in tenants.active()])

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with redis, state, cache, background(announce(redis, service, app.state.drain)):
            yield

    app = create_app(
        service,
        checks={"redis": write_check(redis, service.service, service.redis.durability)},
        secrets=secrets,
        lifespan=lifespan,
        title="Optimus backend-orchestrator",
        body_limits={WEBHOOK: settings.webhook_max_body_bytes},
    )
    numbers = PhoneNumbers(service.tenants_file)
    registry = app.state.metrics.registry
    state, cache = show_stores(app.state.metrics, service, secrets, tenants)
    tenants.count_keys(tenant_key_counter(registry))
    signatures = Signatures(secrets, registry)
    app.include_router(webhook_routes(intake, secrets, signatures, numbers, tenants, item_counter(registry)))
    app.include_router(message_routes(intake, tenants))
    access = DashboardAccess(secrets, Sessions(secrets.get, registry, now))
    app.include_router(session_routes(access, now))
    app.include_router(socket_routes(Broadcaster(observer, settings.max_sockets), access, now))
    app.include_router(page_routes())
    return app
