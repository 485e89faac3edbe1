"""Callers of the services: each request is sent once, with a caller's timeout."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from optimus_ops.load.closed_loop import Pace, run_closed_loop
from optimus_ops.load.connection import Response
from optimus_ops.load.request import Request
from optimus_ops.load.result import ErrorKind, RequestResult
from optimus_ops.redis.drill.record import Write, WriteOutcome
from optimus_ops.redis.drill.service_workload import ServiceEndpoint

PACE = Pace(clients=3, interval=0.25)
"""Some requests are in flight at any moment of a fail-over, and the load is negligible."""


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
