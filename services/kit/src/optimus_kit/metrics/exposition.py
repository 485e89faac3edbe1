"""What a process shows at /metrics, and how."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, disable_created_metrics, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from optimus_kit.drain import Drain
from optimus_kit.metrics.process import ProcessUsage
from optimus_kit.metrics.process_files import ProcessFiles
from optimus_kit.prefork import MULTIPROCESS

OPENMETRICS = "application/openmetrics-text"
TELL_SECONDS = 1.0


class Metrics:
    """The metrics of a process: what it uses, whether it drains, and whatever else is made in the registry.

    Attributes:
        registry: for a service's own metrics.
    """

    def __init__(self, drain: Drain) -> None:
        # A series more for each counter and histogram, for what the first sample tells as well.
        disable_created_metrics()  # type: ignore[no-untyped-call] # it has no types
        self.registry = CollectorRegistry()
        self._shared = bool(os.environ.get(MULTIPROCESS))
        self._collectors: list[Collector] = []
        self._before: list[Callable[[], None]] = []
        self._refresh: list[Callable[[], Awaitable[None]]] = []
        draining = Gauge(
            "optimus_draining", "1 while the process drains", registry=self.registry, multiprocess_mode="livemax"
        )
        self.before(lambda: draining.set(float(drain.draining)))
        root = os.getppid() if self._shared else os.getpid()
        self.add(ProcessUsage(root, children=self._shared))

    def add(self, collector: Collector) -> None:
        """Show what a collector reads when it is asked; of several processes, it speaks for the one that answers."""
        self._collectors.append(collector)
        self.registry.register(collector)

    def before(self, update: Callable[[], None]) -> None:
        """Call `update` whenever /metrics is asked, before anything is read; several processes do so every second."""
        self._before.append(update)

    async def keep_telling(self) -> None:
        """Note every second what is only known here, for whichever process is asked; until cancelled."""
        while self._shared:
            self._update()
            await asyncio.sleep(TELL_SECONDS)

    def _update(self) -> None:
        for update in self._before:
            update()

    def refreshed_by(self, refresh: Callable[[], Awaitable[None]]) -> None:
        """Await `refresh` whenever /metrics is asked, before anything is read; it bounds its time and never fails."""
        self._refresh.append(refresh)

    async def exposition(self, accept: str | None = None) -> tuple[bytes, str]:
        """Return the text and its content type: OpenMetrics, which has exemplars, if the header `accept` names it."""
        await asyncio.gather(*(refresh() for refresh in self._refresh))
        # Here and not in the thread: updates are never at work twice at once.
        self._update()
        return await asyncio.to_thread(self._text, accept)

    def _text(self, accept: str | None) -> tuple[bytes, str]:
        registry = self._of_all() if self._shared else self.registry
        if takes_openmetrics(accept):
            text: bytes = openmetrics.generate_latest(registry)  # type: ignore[no-untyped-call] # nor has this
            return text, openmetrics.CONTENT_TYPE_LATEST
        return generate_latest(registry), CONTENT_TYPE_LATEST

    def _of_all(self) -> CollectorRegistry:
        registry = CollectorRegistry()
        registry.register(ProcessFiles(Path(os.environ[MULTIPROCESS])))
        for collector in self._collectors:
            registry.register(collector)
        return registry


def takes_openmetrics(accept: str | None) -> bool:
    """Tell whether an Accept header names OpenMetrics. Which version is not looked at: there is one."""
    for entry in (accept or "").split(","):
        kind, *parameters = (part.strip().lower() for part in entry.split(";"))
        if kind == OPENMETRICS and not any(_is_refusal(parameter) for parameter in parameters):
            return True
    return False


def _is_refusal(parameter: str) -> bool:
    name, _, value = parameter.partition("=")
    return name.strip() == "q" and value.strip().rstrip("0") in {"", "0."}
