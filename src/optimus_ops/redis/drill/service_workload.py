"""Writes through the platform's services: what is sent comes from a module that the project names.

    [tool.optimus-ops]
    workload = "loadtests.workload"

Its function `redis_writes(root, secrets)` returns a `ServiceWrites` for each kind of request that writes to Redis.
Without a module, a drill writes to Redis only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from optimus_ops.engine.port import Engine
from optimus_ops.load.closed_loop import Pace, run_closed_loop
from optimus_ops.load.connection import Response
from optimus_ops.load.request import Endpoint, Request
from optimus_ops.load.result import ErrorKind, RequestResult
from optimus_ops.load.workload import judge_status
from optimus_ops.model.port_conflicts import published_addresses
from optimus_ops.project.named_functions import named_function
from optimus_ops.project.settings import Project
from optimus_ops.redis.drill.record import Write, WriteKind, WriteOutcome
from optimus_ops.redis.drill.writers import CALLER_SECONDS
from optimus_ops.secrets.operator import operator_secrets

PACE = Pace(clients=3, interval=0.25)
"""Some requests are in flight at any moment of a fail-over, and the load is negligible."""


@dataclass(frozen=True, slots=True)
class ServiceWrites:
    """Requests that write to Redis through a service, each with an id of its own.

    `judge` returns None for an answer that promises that the write is stored. It may be after an error of the service
    (5xx) and after an answer that is `ErrorKind.WRONG`; it is not after a refusal (4xx).
    """

    name: str  # of the kind of writes
    service: str  # that has to run
    port: int  # of the service, which the balancer publishes
    request: Callable[[Endpoint, str], Request]  # that makes the write of an id; it has that id and the kind
    keys: Callable[[str], Sequence[str]]  # that the write of an id makes; the first one exists where it is stored
    judge: Callable[[Request, Response], ErrorKind | None] = judge_status
    kept_headers: frozenset[str] = frozenset()  # of an answer, in lower case: those that `judge` reads
    deliveries: tuple[str, str] | None = None  # a stream, and its field with the id of each write that had its effect


@dataclass(frozen=True, slots=True)
class ServiceEndpoint:
    """Where writes through a service are sent to."""

    address: Endpoint
    workload: ServiceWrites

    @property
    def kind(self) -> WriteKind:
        """The kind of its writes."""
        return WriteKind(self.workload.name, safe=True, service=True)


def find_endpoints(engine: Engine, project: Project) -> tuple[ServiceEndpoint, ...]:
    """Return the endpoints of the project's workload; none of a service that does not run or is not published."""
    workload = load_workload(project)
    running = [replica for replica in engine.observe(project.name).replicas if replica.running]
    services = {replica.service for replica in running}
    published = {
        port: address
        for replica in running
        if replica.service == project.balancer
        for port, address in published_addresses(replica).items()
    }
    return tuple(
        ServiceEndpoint(Endpoint(*published[writes.port], CALLER_SECONDS, writes.kept_headers), writes)
        for writes in workload
        if writes.service in services and writes.port in published
    )


def load_workload(project: Project) -> Sequence[ServiceWrites]:
    """Return the writes of the workload module that the project names; none if it names none."""
    if not project.workload:
        return ()
    make = named_function("workload", project.workload, "redis_writes", "docs/redis-drill.md")
    writes: Sequence[ServiceWrites] = make(project.root, operator_secrets(project))
    return writes


async def call_service(endpoint: ServiceEndpoint, run: str, writes: list[Write], stopped: Callable[[], bool]) -> None:
    """Send requests until stopped, and append a write for each; their ids begin with `run`."""

    def record(result: RequestResult) -> None:
        outcome, error = request_outcome(result, endpoint.address.timeout)
        writes.append(Write(result.name, result.kind, result.started, result.ended, outcome, error=error))

    await run_closed_loop(endpoint.address, _RunWorkload(endpoint, run), PACE, record, stopped)


@dataclass(frozen=True, slots=True)
class _RunWorkload:
    endpoint: ServiceEndpoint
    run: str

    def request(self, client: int, number: int) -> Request:
        """Return the request of the next id."""
        write = f"{self.run}-{self.endpoint.kind.name}-{client}-{number + 1}"
        return self.endpoint.workload.request(self.endpoint.address, write)

    def judge(self, request: Request, response: Response) -> ErrorKind | None:
        """Leave it to the platform."""
        return self.endpoint.workload.judge(request, response)


def request_outcome(result: RequestResult, timeout: float) -> tuple[WriteOutcome, str]:
    """Return the outcome of a request, and the error in a few words ("" without one).

    An error of the service does not tell whether it had written before; a refusal of the request does.
    """
    match result.error:
        case None:
            return "acknowledged", ""
        case ErrorKind.CONNECT:
            return "rejected", "no connection"
        case ErrorKind.TIMEOUT:
            return "indeterminate", f"no answer within {timeout:.0f} s"
        case ErrorKind.WRONG:
            return "indeterminate", "answered, not stored"
        case ErrorKind.STATUS:
            refused = result.status < HTTPStatus.INTERNAL_SERVER_ERROR
            return "rejected" if refused else "indeterminate", f"HTTP {result.status}"
        case _:
            return "indeterminate", "connection lost"
