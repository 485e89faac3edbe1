"""Where requests go, and where their traces and logs are read: from flags, or from the running stack."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from optimus_ops.errors import Refused
from optimus_ops.http.address import HttpAddress
from optimus_ops.model.state import State
from optimus_ops.traces.connect import connect_logs, connect_traces
from optimus_ops.traces.smoke.probe import TraceProbe
from optimus_ops.traces.smoke.targets import given_target, parse_targets, through_balancer
from optimus_ops.traces.stack_stores import LOKI, TEMPO, find_store, replicas_of, starting
from optimus_ops.traces.store import LogStore, StoreFailed, TraceStore
from optimus_ops.traces.store_address import parse_address
from optimus_ops.traces.store_http import StoreClient

COLLECTOR = ("alloy", 4318)
SECONDS = 5.0
Connected = TypeVar("Connected")


@dataclass(frozen=True, slots=True)
class PlaceFlags:
    """What was given: addresses, "" for those of the stack; a target is `URL` or `SERVICE=URL`."""

    tempo: str = ""
    otlp: str = ""
    loki: str = ""
    target: tuple[str, ...] = ()


@dataclass
class Place:
    """A store that is connected to when it is first asked, and again while that fails; its name is for people."""

    title: str
    address: HttpAddress | None
    seconds: float = SECONDS
    _traces: TraceStore | None = field(default=None, repr=False)
    _logs: LogStore | None = field(default=None, repr=False)

    def traces(self) -> TraceStore:
        """Return it as a store of traces; raise `StoreFailed` where it is none."""
        if self._traces is None:
            self._traces = connect_traces(self._client())
        return self._traces

    def logs(self) -> LogStore:
        """Return it as a store of logs; raise `StoreFailed` where it is none."""
        if self._logs is None:
            self._logs = connect_logs(self._client())
        return self._logs

    def __str__(self) -> str:
        """Return name and address."""
        known = self._traces or self._logs
        return f"{known.name if known else self.title} at {self.address}" if self.address else self.title

    def _client(self) -> StoreClient:
        if self.address is None:
            raise StoreFailed(f"{self.title} does not run", f"see why: invoke logs {self.title}")
        return StoreClient(self.address, self.seconds)


@dataclass(frozen=True)
class Places:
    """All places of a run; `logs` is None where none are asked, `state` where the services are in no stack."""

    traces: Place
    logs: Place | None
    collector: Place
    targets: Callable[[TraceProbe], HttpAddress | None]
    state: State | None


def find_places(
    flags: PlaceFlags, environ: Mapping[str, str], observe: Callable[[], State], balancer: str, adding: str
) -> Places:
    """Return the places; the engine is asked only for those that no flag gives.

    `adding` is the command that adds the stores to the stack, "" where there is none.

    Raises:
        Refused: a flag is no address, or what it doesn't give is in no running stack.
    """
    given = {
        name: parse_address(text, f"--{name}", environ)
        for name, text in (("tempo", flags.tempo), ("otlp", flags.otlp), ("loki", flags.loki))
        if text
    }
    targets = parse_targets(flags.target)
    if {"tempo", "otlp"} <= given.keys() and targets:
        logs = Place("loki", given["loki"]) if "loki" in given else None
        collector = Place("the collector", given["otlp"])
        return Places(Place("tempo", given["tempo"]), logs, collector, given_target(targets), None)
    state = observe()
    require_overlay(state, flags, adding)
    traces = Place("tempo", given.get("tempo") or find_store(state, TEMPO))
    # Another store of traces has its logs elsewhere, too.
    logs = Place("loki", given.get("loki") or find_store(state, LOKI)) if flags.loki or not flags.tempo else None
    collector = Place("alloy", given.get("otlp") or find_store(state, COLLECTOR))
    found = given_target(targets) if targets else through_balancer(state, balancer)
    return Places(traces, logs, collector, found, None if targets else state)


def require_overlay(state: State, flags: PlaceFlags, adding: str) -> None:
    """Refuse a stack that does not run, or that has no stores; one that has stopped is a finding and no refusal."""
    if not any(replica.running for replica in state.replicas):
        own = "start it with: invoke up\n  or say where requests go: --target URL"
        raise Refused(f"{state.project} does not run", own if flags.tempo and flags.otlp else starting(adding))
    needed = [name for (name, _port), flag in ((TEMPO, flags.tempo), (COLLECTOR, flags.otlp)) if not flag]
    lacking = [name for name in needed if not replicas_of(state, name)]
    if lacking:
        raise Refused(
            f"{state.project} runs without {' and '.join(lacking)}: its traces are kept nowhere",
            f"add the overlay with: {adding}\n  or name other ones: --tempo URL --otlp URL"
            if adding
            else "the project has no overlay with them; name other ones: --tempo URL --otlp URL",
        )
