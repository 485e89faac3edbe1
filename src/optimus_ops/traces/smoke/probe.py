"""Requests that are to leave a whole trace, and which spans that has: a module that the project names.

    [tool.optimus-ops]
    trace-probes = "acme_ops.trace_probes"

Its function `probes(root, secrets)` returns a `ProbeSet`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from optimus_ops.errors import Refused
from optimus_ops.project.named_functions import named_function
from optimus_ops.project.settings import Project
from optimus_ops.secrets.operator import operator_secrets
from optimus_ops.traces.model import Kind, Span, Value


@dataclass(frozen=True, slots=True)
class TracedRequest:
    """One request, without the headers that carry its trace; it may hold credentials and is never shown."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Hop:
    """A span that a trace must have.

    Args:
        name: of the span; `*` stands for anything.
        attributes: that it must have; the value None stands for any.
        below: label of an earlier hop that it must be below, at any depth; "" for anywhere.
        failed: whether its status must be error; otherwise it must not be.
        hint: what to look at where it is missing, if that is something special.
    """

    service: str
    name: str
    kind: Kind = "unspecified"
    attributes: Mapping[str, Value] = field(default_factory=dict)
    below: str = ""
    failed: bool = False
    hint: str = ""

    @property
    def label(self) -> str:
        """Service and name of the span."""
        return f"{self.service} {self.name}"

    def names(self, span: Span) -> bool:
        """Tell whether a span has this one's service and name."""
        return span.service == self.service and fnmatchcase(span.name, self.name)

    def is_of_kind(self, span: Span) -> bool:
        """Tell whether a span has this one's kind."""
        return self.kind in {"unspecified", span.kind}


@dataclass(frozen=True, slots=True)
class TraceProbe:
    """One request and the trace that it has to leave.

    Args:
        service: that it is sent to, through the balancer.
        port: on which the balancer listens for that service.
        request: makes the request of a run; the text is the run's id, 32 digits.
        hops: the spans, in the order in which the request comes to them.
        statuses: of the answer that are right.
        logs: services that log a line with the trace's id.
        inside: whether the port is not published: it is asked where an address inside can be reached, and otherwise
            left out.
    """

    name: str
    service: str
    port: int
    request: Callable[[str], TracedRequest]
    hops: tuple[Hop, ...]
    statuses: frozenset[int] = frozenset({200})
    logs: tuple[str, ...] = ()
    inside: bool = False


@dataclass(frozen=True, slots=True)
class ProbeSet:
    """The probes of a platform, and its services.

    Args:
        metrics: service -> port of its `/metrics`, which tell of exported and dropped spans.
        resource: attributes that every resource must have, where the store keeps them.
    """

    probes: tuple[TraceProbe, ...]
    metrics: Mapping[str, int] = field(default_factory=dict)
    resource: tuple[str, ...] = ()

    @property
    def services(self) -> tuple[str, ...]:
        """The services that have spans."""
        return tuple(dict.fromkeys(hop.service for probe in self.probes for hop in probe.hops))


def load_probes(project: Project) -> ProbeSet:
    """Return the project's probes.

    Raises:
        Refused: it names no module, or one that is none of probes.
    """
    if not project.trace_probes:
        raise Refused(
            "this project says no requests that are to be traced",
            "[tool.optimus-ops] trace-probes names the module that makes them: docs/trace-smoke-test.md",
        )
    make = named_function("trace-probes", project.trace_probes, "probes", "docs/trace-smoke-test.md")
    found: ProbeSet = make(project.root, operator_secrets(project))
    if not found.probes:
        raise Refused(
            f"{project.trace_probes} has no request that can be sent: keys are missing",
            "make them with: invoke secrets.init",
        )
    return found
