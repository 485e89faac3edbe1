"""What the platform does while it is under load: replicas, and figures of `/metrics`, every few seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from optimus_ops.engine.port import Engine
from optimus_ops.engine.replica_metrics import replica_metrics
from optimus_ops.errors import OpsError
from optimus_ops.loadtest.model import LoadPlatform, PlatformFigure, PlatformSample
from optimus_ops.model.state import Replica, State

REPLICAS = "replicas "
EVERY_SECONDS, ASK_SECONDS = 2.0, 1.5
Ask = Callable[[Replica, int], str | None]


def ask_replica(replica: Replica, port: int) -> str | None:
    """Return a replica's `/metrics`; None where it does not answer in time."""
    return replica_metrics(replica, port, ASK_SECONDS)


@contextmanager
def platform_samples(
    engine: Engine | None, project: str, platform: LoadPlatform
) -> Iterator[list[tuple[float, Mapping[str, float]]]]:
    """Collect samples (time on the monotonic clock, figures) until the end of the block; none without an engine."""
    found: list[tuple[float, Mapping[str, float]]] = []
    if engine is None:
        yield found
        return
    ended = threading.Event()

    def collect() -> None:
        while not ended.is_set():
            began = time.monotonic()
            # Where the engine does not answer the load goes on, and a sample is missing.
            with suppress(OpsError):
                found.append((began, observe(engine.observe(project), platform)))
            ended.wait(max(EVERY_SECONDS - (time.monotonic() - began), 0.1))

    thread = threading.Thread(target=collect, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join(ASK_SECONDS)


def since(begin: float, found: Iterable[tuple[float, Mapping[str, float]]]) -> tuple[PlatformSample, ...]:
    """Return samples with their times since the begin of the load; the last one before it is at 0."""
    found = list(found)
    before = [figures for at, figures in found if at < begin][-1:]
    return (
        *(PlatformSample(0.0, figures) for figures in before),
        *(PlatformSample(at - begin, figures) for at, figures in found if at >= begin),
    )


def replicas_text(found: Sequence[tuple[float, Mapping[str, float]]]) -> str:
    """Return the replicas of the last sample, for a line of progress; "" without one."""
    figures = found[-1][1] if found else {}
    parts = [
        f"{name.removeprefix(REPLICAS)} {value:.0f}" for name, value in figures.items() if name.startswith(REPLICAS)
    ]
    return f"; replicas: {', '.join(parts)}" if parts else ""


def observe(state: State, platform: LoadPlatform, ask: Ask = ask_replica) -> Mapping[str, float]:
    """Return replicas by service, and the platform's figures; one that no replica tells is left out."""
    services = dict.fromkeys(each.service for each in platform.classes)
    figures = {f"{REPLICAS}{service}": float(len(state.running(service))) for service in services}
    texts = {
        service: [text for replica in state.running(service) if (text := ask(replica, port))]
        for service, port in platform.metrics.items()
    }
    for figure in platform.figures:
        told = [
            value
            for text in texts.get(figure.service, ())
            for value in [read_metric(text, figure)]
            if value is not None
        ]
        if told:
            figures[figure.name] = max(told) if figure.shared else sum(told)
    return figures


def read_metric(text: str, figure: PlatformFigure) -> float | None:
    """Return the sum of a metric's series that have the figure's labels; None where there is none."""
    lines = (line for line in text.splitlines() if line.startswith(figure.metric))
    values = [
        sample.value
        for line in lines
        for sample in _samples(line)
        if sample.name == figure.metric and figure.labels.items() <= sample.labels.items()
    ]
    return sum(values) if values else None


def _samples(line: str) -> Sequence[Sample]:
    """Return the sample of a line, by itself, so that a line that is no metric spoils no other one."""
    try:
        return [sample for family in text_string_to_metric_families(line) for sample in family.samples]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        # What the parser ends with there.
        return []
