"""One run of the smoke test: all requests at once, then everything that can be seen of each."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from optimus_ops.checks.model import Check
from optimus_ops.errors import OpsError, Refused
from optimus_ops.http.address import HttpAddress
from optimus_ops.system.wait import SYSTEM_CLOCK, Clock, parallel_calls
from optimus_ops.traces.smoke import service_facts
from optimus_ops.traces.smoke.client_span import SERVICE, ClientSpan
from optimus_ops.traces.smoke.diagnosis import diagnose
from optimus_ops.traces.smoke.evidence import Evidence, Exchange, ServiceFacts
from optimus_ops.traces.smoke.exchange import Sender, draw_ids
from optimus_ops.traces.smoke.log_lines import other_traces
from optimus_ops.traces.smoke.lookup import WIDE_SECONDS, Patience, RunSearch, look_up, read_lines
from optimus_ops.traces.smoke.places import Places
from optimus_ops.traces.smoke.probe import ProbeSet, TraceProbe
from optimus_ops.traces.smoke.result import ProbeResult, SmokeResult, control_check, search_check
from optimus_ops.traces.smoke.verify import verify
from optimus_ops.traces.store import PartialTrace, StoreFailed

SEARCH_SECONDS = 1.0
"""Search is waited for so long beyond all else, unless more is asked for: a Tempo finds a trace half a minute later."""
REQUEST_ID = "optimus.request_id"
"""Attribute of server spans by which a request is found in another trace."""


@dataclass
class SmokeTest:
    """A run.

    Args:
        within: seconds in which traces and logs have to be there.
        search: seconds in which search has to find them; None for as long as the run lasts anyway.
    """

    places: Places
    probes: ProbeSet
    within: float
    search: float | None = None
    clock: Clock = SYSTEM_CLOCK
    sender: Sender = field(default_factory=Sender)
    run_id: str = field(default_factory=lambda: secrets.token_hex(8))
    _stopped: threading.Event = field(default_factory=threading.Event)

    def run(self) -> SmokeResult:
        """Send, look, judge.

        Raises:
            Refused: no request can be sent: nothing is known of where to.
        """
        targets = {probe.name: self.places.targets(probe) for probe in self.probes.probes}
        sendable = [probe for probe in self.probes.probes if targets[probe.name]]
        left_out = [probe.name for probe in self.probes.probes if not targets[probe.name]]
        if not sendable:
            raise Refused("there is no address for any request", "name one: --target URL, or --target SERVICE=URL")
        state, began = self.places.state, self.clock.monotonic()
        before = service_facts.count_spans(state, self.probes.metrics) if state else {}
        ended = threading.Event()
        patience = Patience(self.search or SEARCH_SECONDS, self.clock, self._stopped)
        search = RunSearch(self.run_id, time.time(), ended, patience)
        seen, control = self._observe(sendable, targets, search, ended)
        results = self._judge(seen, before, search)
        checks = (control, search_check(search, len(sendable), required=self.search))
        seconds = self.clock.monotonic() - began
        return SmokeResult(self.run_id, self.places, tuple(results), checks, seconds, tuple(left_out))

    def _observe(
        self,
        probes: Sequence[TraceProbe],
        targets: Mapping[str, HttpAddress | None],
        search: RunSearch,
        ended: threading.Event,
    ) -> tuple[list[Evidence], Check]:
        """Return what was seen of each probe, all at the same time, and the verdict on an id that nobody sent."""
        traces = self.places.traces.traces

        def probe(each: TraceProbe) -> Evidence:
            address = targets[each.name]
            assert address is not None  # noqa: S101 - those without one were left out
            return self._probe(each, address, search)

        calls: list[Callable[[], object]] = [partial(probe, each) for each in probes]
        calls += [self._control, lambda: search.search(traces, len(probes))]

        def stop() -> None:
            """Have nobody wait any longer: upon Ctrl-C, for instance."""
            self._stopped.set()
            self.sender.stop()
            ended.set()

        with parallel_calls(lambda call: call(), calls, calls=len(calls), stop=stop) as futures:
            seen = [future.result() for future in futures[:-1]]
            ended.set()
            futures[-1].result()
        control = next(each for each in seen if isinstance(each, Check))
        return [each for each in seen if isinstance(each, Evidence)], control

    def _probe(self, probe: TraceProbe, address: HttpAddress, search: RunSearch) -> Evidence:
        ids, sent = draw_ids(), self.clock.monotonic()
        search.begun[ids.trace_id] = sent
        request = probe.request(ids.request_id)
        exchange = self.sender.send(address, request, ids)
        span = ClientSpan(probe.name, self.run_id, request.method, ids, exchange)
        refused = self._export(span)
        patience = Patience(self._wait(exchange, probe), self.clock, self._stopped)
        looked = look_up(self.places.traces.traces, probe, ids, sent, patience)
        evidence = Evidence(
            probe,
            ids,
            exchange,
            looked,
            refused,
            collector_runs=self.places.collector.address is not None,
            resource=self.probes.resource,
            client_service=SERVICE,
        )
        if self.places.logs is None:
            return evidence
        wait = Patience(self.within if looked.settled else min(self.within, 2.0), self.clock, self._stopped)
        wanted = probe.logs if exchange.status else ()
        lines, failure = read_lines(self.places.logs.logs, wanted, ids.trace_id, exchange.start_ns / 1e9, wait)
        return replace(evidence, lines=lines, log_error=failure)

    def _wait(self, exchange: Exchange, probe: TraceProbe) -> float:
        """Return the seconds that a trace is waited for: none where it can't become whole."""
        hopeless = self.places.traces.address is None or self.places.collector.address is None
        return 0.0 if hopeless else self.within if exchange.status in probe.statuses else min(self.within, 3.0)

    def _export(self, span: ClientSpan) -> str:
        address = self.places.collector.address
        return self.sender.export(address, span) if address else f"{self.places.collector.title} does not run"

    def _control(self) -> Check:
        """Ask for an id that nobody has sent: a store that has a trace of it proves nothing."""
        ids = draw_ids()
        try:
            trace = self.places.traces.traces().trace(ids.trace_id)
            logs = self.places.logs
            now = time.time()
            lines = logs.logs().lines(ids.trace_id, now - WIDE_SECONDS, now + WIDE_SECONDS) if logs else ()
        except (StoreFailed, PartialTrace) as error:
            return control_check(ids.trace_id, None, (), error.message)
        return control_check(ids.trace_id, trace, lines, "")

    def _judge(self, seen: Sequence[Evidence], before: service_facts.Counts, search: RunSearch) -> list[ProbeResult]:
        facts: Mapping[str, ServiceFacts] | None = None
        state = self.places.state
        results = []
        for evidence in seen:
            found = diagnose(evidence)
            if found is not None:
                if facts is None and state is not None:
                    after = service_facts.count_spans(state, self.probes.metrics)
                    facts = service_facts.describe_services(state, self.probes.services, before, after)
                evidence = replace(evidence, facts=facts, strays=self._strays(evidence))  # noqa: PLW2901
                found = diagnose(evidence)
            checks = verify(evidence, found)
            results.append(ProbeResult(evidence, found, checks, search.found.get(evidence.ids.trace_id)))
        return results

    def _strays(self, evidence: Evidence) -> Mapping[str, tuple[str, ...]]:
        """Return where else services have the request, by its id: in their logs, and in the store's search."""
        ids, found = evidence.ids, dict[str, tuple[str, ...]]()
        now = evidence.exchange.start_ns / 1e9
        if self.places.logs is not None:
            once = Patience(0.0, self.clock, self._stopped)
            lines, _failure = read_lines(self.places.logs.logs, (), ids.request_id, now, once)
            found = other_traces(lines, ids.trace_id)
        try:
            store = self.places.traces.traces()
            for trace_id in store.search({REQUEST_ID: ids.request_id}, now - WIDE_SECONDS, now + WIDE_SECONDS):
                trace = store.trace(trace_id) if trace_id != ids.trace_id else None
                for service in trace.services if trace else ():
                    found[service] = tuple(dict.fromkeys((*found.get(service, ()), trace_id)))
        except OpsError:
            # It is evidence where it is there; without it the cause is told by what else was seen.
            return found
        return found
