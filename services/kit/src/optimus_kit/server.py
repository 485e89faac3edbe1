"""Running a service: uvicorn with the platform's drain contract."""

import asyncio
import gc
import importlib
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from types import FrameType
from typing import TYPE_CHECKING, Any

import uvicorn

from optimus_kit.cycle_collector import settle
from optimus_kit.drain import Drain
from optimus_kit.http_protocol import HttpProtocol
from optimus_kit.lingering import Lingering
from optimus_kit.listener import LAST_SYN_SECONDS, bind, hear_again, is_queue_empty, refuse_new_connections
from optimus_kit.logs import configure_logging
from optimus_kit.prefork import prefork, shared_metrics
from optimus_kit.sdk_import import without_sdk
from optimus_kit.secrets import MissingSecret
from optimus_kit.settings import ServiceSettings, SettingsError
from optimus_kit.telemetry import start_telemetry

BACKLOG = 2048
# Longer than the balancer keeps an idle upstream connection, so that it is never the service that closes one in use.
KEEP_ALIVE_SECONDS = 75

# By name: not every service has WebSockets.
WEBSOCKET_PROTOCOL = "optimus_kit.websocket_protocol:WebSocketProtocol"

if TYPE_CHECKING:
    from fastapi import FastAPI

FLUSH_SECONDS = 2.0
"""What a process may take longer to end because spans are still to be sent."""

# The accept queue of a busy service empties within milliseconds; a hung one must not keep it from ending.
LEAVING_ROUNDS = 10
# TCP repeats what was not acknowledged after 200 ms at the least (Linux, TCP_RTO_MIN).
REPEAT_SECONDS = 0.3


class DrainingServer(uvicorn.Server):
    """A uvicorn server for which SIGTERM means drain.

    SIGTERM: /ready fails and responses say `Connection: close`, for `delay` seconds; then it stops listening and
    finishes what is in flight. Another one changes nothing: whoever stops a replica may be killed and do it again.
    SIGINT, a person's at a terminal, skips the delay; another one cuts what is in flight.
    """

    def __init__(self, config: uvicorn.Config, drain: Drain, delay: float) -> None:
        super().__init__(config)
        self._drain = drain
        self._delay = delay
        self._stop_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the overridden signature
        """Begin to drain, or hasten it. Overrides uvicorn's, which stops listening at once and re-raises the signal."""
        if sig == signal.SIGINT:
            self.force_exit = self.should_exit
            self.should_exit = True
        elif self._stop_at is None:
            self._stop_at = time.monotonic() + self._delay
        self._drain.begin()

    async def on_tick(self, counter: int) -> bool:
        """Look, ten times a second, whether the delay is over."""
        if self._stop_at is not None and time.monotonic() >= self._stop_at:
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening without resetting a connection that the kernel has already accepted, then finish."""
        listeners = sockets or []
        if refuse_new_connections(listeners):
            await self._empty_queue(listeners)
        for server in self.servers:
            server.close()
        for listener in listeners:
            listener.close()
        seconds = self.config.timeout_graceful_shutdown or 0
        deadline = time.monotonic() + seconds
        await Lingering(self.server_state.connections).until_all_ended(deadline, lambda: self.force_exit)
        # What is left has had its time; uvicorn ends it.
        self.config.timeout_graceful_shutdown = max(int(deadline - time.monotonic()), 1)
        await super().shutdown(sockets)

    async def _empty_queue(self, listeners: list[socket.socket]) -> None:
        """Accept what the kernel has taken, and give it the time to send its request."""
        for _ in range(LEAVING_ROUNDS):
            await asyncio.sleep(LAST_SYN_SECONDS)
            transports = [connection.transport for connection in list(self.server_state.connections)]
            late = [transport for transport in transports if hear_again(transport.get_extra_info("socket"))]
            if late:
                await asyncio.sleep(REPEAT_SECONDS)
            elif is_queue_empty(listeners):
                return


def serve(factory: str, settings: ServiceSettings) -> None:
    """Run the service until it is told to stop; leaves the process with an exit code (0 after a drain).

    The caller imports neither the application nor prometheus_client before: with several processes, how metrics are
    kept is decided when that is first imported.

    Args:
        factory: "package.module:function"; the function takes no arguments and returns what `create_app` made.
        settings: the service's settings; WEB_CONCURRENCY processes share one listening socket.
    """
    configure_logging(settings)
    try:
        listener = bind(settings.host, settings.port)
    except OSError as error:
        sys.exit(f"{settings.service}: cannot listen on {settings.host}:{settings.port}: {error.strerror}")
    code = _serve_all(factory, settings, listener)
    sys.stdout.flush()
    sys.exit(code)


def _serve_all(factory: str, settings: ServiceSettings, listener: socket.socket) -> int:
    if settings.web_concurrency == 1:
        return _serve_one(_find(factory), settings, listener)
    with shared_metrics():
        build = _find(factory)
        # What is imported so far stays shared with the workers: the collector shall not touch it.
        gc.collect()
        gc.freeze()
        return prefork(settings.web_concurrency, lambda: _serve_one(build, settings, listener))


def _find(factory: str) -> "Callable[[], FastAPI]":
    module, _, name = factory.partition(":")
    with without_sdk():
        build: Callable[[], FastAPI] = getattr(importlib.import_module(module), name)
    return build


def _serve_one(build: "Callable[[], FastAPI]", settings: ServiceSettings, listener: socket.socket) -> int:
    """Serve in this process; return its exit code (3: it never started)."""
    telemetry = None
    try:
        telemetry = start_telemetry(settings, os.environ)
        app = build()
    except (SettingsError, MissingSecret) as error:
        print(f"{settings.service}: {error}", file=sys.stderr)
        return 3
    else:
        app.state.telemetry = telemetry
        if telemetry:
            app.state.show_spans(telemetry.counts)
        settle()
        return _run(DrainingServer(_config(app, settings), app.state.drain, settings.drain_delay), listener)
    finally:
        if telemetry:
            # After the last request: its spans are among those that are sent.
            telemetry.shutdown(FLUSH_SECONDS)


def _run(server: DrainingServer, listener: socket.socket) -> int:
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        return 0
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1
    return 0 if server.started else 3


def _config(app: "FastAPI", settings: ServiceSettings) -> uvicorn.Config:
    options: dict[str, Any] = {"log_config": None, "access_log": False, "server_header": False, "date_header": True}
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=HttpProtocol,
        ws=WEBSOCKET_PROTOCOL if find_spec("websockets") else "none",
        backlog=BACKLOG,
        proxy_headers=False,
        log_level=max(logging.WARNING, logging.getLogger().level),
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=int(settings.drain_timeout),
        **options,
    )
