"""What is sent, and which answers are right: supplied by who wants the load."""

from __future__ import annotations

from typing import Protocol

from optimus_ops.load.connection import Response
from optimus_ops.load.request import Request
from optimus_ops.load.result import ErrorKind

OK = 200


class Workload(Protocol):
    """Makes requests and judges their answers; used by one thread."""

    def request(self, client: int, number: int) -> Request:
        """Return a client's next request; both count from 0, and an open loop has one client."""

    def judge(self, request: Request, response: Response) -> ErrorKind | None:
        """Return what is wrong with a complete answer, None if it is right."""


def judge_status(request: Request, response: Response) -> ErrorKind | None:  # noqa: ARG001 - a `Workload.judge`
    """Accept every complete answer with status 200."""
    return None if response.status == OK else ErrorKind.STATUS
