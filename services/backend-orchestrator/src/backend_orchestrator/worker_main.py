"""Putting a worker together and running it until it is told to stop."""

import asyncio
import os
import random
import signal
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from backend_orchestrator.answering import AiEngine, Instructions, facts_alone
from backend_orchestrator.channels import ReplyChannel, WhatsAppChannel
from backend_orchestrator.consumer import Consumer, consumer_name
from backend_orchestrator.erp import ErpAdapter, RestErpAdapter
from backend_orchestrator.handling import Handler
from backend_orchestrator.instructions import PromptInstructions
from backend_orchestrator.settings import WorkerSettings
from backend_orchestrator.worker import Worker
from backend_orchestrator.worker_metrics import WorkerMetrics
from optimus_kit.background import background
from optimus_kit.drain import Drain
from optimus_kit.http_client import HttpClient, Limits, Timeouts
from optimus_kit.logs import configure_logging
from optimus_kit.metrics import Metrics, listening, show_spans
from optimus_kit.presence import announce
from optimus_kit.redis import connect
from optimus_kit.secret_watcher import SecretWatcher
from optimus_kit.telemetry import start_telemetry
from optimus_kit.telemetry.counts import SpanCounts
from optimus_kit.tenancy import Tenants
from optimus_kit.traced_client import InsideClient, OutsideClient

_CONNECT_SECONDS = 3.0
_ERP_SECONDS = 3.0
_WHATSAPP_SECONDS = 15.0


def run_worker(environ: Mapping[str, str] = os.environ) -> None:
    """Run the worker that `environ` describes, until SIGTERM or SIGINT.

    Raises:
        SettingsError: it cannot start.
    """
    settings = WorkerSettings.from_env(environ)
    configure_logging(settings.service)
    telemetry = start_telemetry(settings.service, environ)
    try:
        asyncio.run(_work(settings, telemetry.counts if telemetry else None))
    finally:
        if telemetry:
            telemetry.shutdown()


async def _work(settings: WorkerSettings, spans: Callable[[], SpanCounts] | None) -> None:
    drain = Drain()
    _drain_on_signals(drain)
    options, service = settings.options, settings.service
    secrets = SecretWatcher(service.secrets)
    metrics = Metrics(drain)
    if spans:
        show_spans(metrics, spans)
    counts = WorkerMetrics(metrics, drain, options.slots)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(listening(metrics, service.host, settings.metrics_port))
        await stack.enter_async_context(background(secrets.keep_looking()))
        redis = await stack.enter_async_context(connect(service.redis, secrets, decode_responses=True))
        reader = await stack.enter_async_context(
            # What a read that was cut off had already been given is claimed after a while, like a dead worker's.
            connect(service.redis, secrets, decode_responses=True, block=options.block_ms / 1000)
        )
        tenants = Tenants.load(service.tenants_file, secrets)
        consumer = Consumer(
            redis,
            reader,
            consumer_name(service.hostname),
            settings.remember,
            kept_bytes=lambda: settings.kept_bytes // max(1, len(tenants.active())),
        )
        handler = await _handler(settings, secrets, consumer, tenants, stack)
        worker = Worker(consumer, counts.counted(handler.handle), options, drain, beat=beat(settings.heartbeat))
        async with background(announce(redis, service, drain)):
            await worker.run()
            await worker.finish(service.drain_timeout)
    settings.heartbeat.unlink(missing_ok=True)


async def _handler(
    settings: WorkerSettings, secrets: SecretWatcher, consumer: Consumer, tenants: Tenants, stack: AsyncExitStack
) -> Handler:
    url, slots = settings.ai_engine_url, settings.options.slots
    ai_engine = await _client(stack, url, settings.answer_timeout, slots, inside=True)
    return Handler(
        consumer=consumer,
        answerer=AiEngine(
            ai_engine, settings.model, tenants.key, _instructions(settings, tenants), partial(_recalls, tenants)
        ),
        policy=settings.policy,
        jitter=random.SystemRandom().random,
        channels=await _channels(settings, secrets, stack),
        erp=await _erp(settings, secrets, stack),
    )


def _instructions(settings: WorkerSettings, tenants: Tenants) -> Instructions:
    return PromptInstructions(settings.prompts, tenants.get) if settings.prompts else facts_alone


def _recalls(tenants: Tenants, name: str) -> bool:
    tenant = tenants.get(name)
    return tenant is not None and tenant.recall


async def _channels(
    settings: WorkerSettings, secrets: SecretWatcher, stack: AsyncExitStack
) -> Mapping[str, ReplyChannel]:
    client = await _client(stack, settings.whatsapp_api_url, _WHATSAPP_SECONDS, settings.options.slots)
    return {"whatsapp": WhatsAppChannel(client, lambda: secrets.get("WHATSAPP_ACCESS_TOKEN"))}


async def _erp(settings: WorkerSettings, secrets: SecretWatcher, stack: AsyncExitStack) -> ErpAdapter | None:
    if not settings.erp_url:
        return None
    client = await _client(stack, settings.erp_url, _ERP_SECONDS, settings.options.slots)
    return RestErpAdapter(client, lambda: secrets.get("ERP_API_KEY"))


async def _client(
    stack: AsyncExitStack, url: str, seconds: float, connections: int, *, inside: bool = False
) -> HttpClient:
    """A client of `url`; only what is `inside` the platform is told the trace."""
    kind = InsideClient if inside else OutsideClient
    client = kind(
        url,
        timeouts=Timeouts(_CONNECT_SECONDS, seconds, total=seconds),
        limits=Limits(connections, idle_seconds=2.0),
    )
    return await stack.enter_async_context(client)


def _drain_on_signals(drain: Drain) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, drain.begin)


def beat(path: Path) -> Callable[[], None]:
    """What touches the heartbeat file."""

    def touch() -> None:
        path.touch()

    return touch
