"""The balancer's access log: one JSON object per request (compose/nginx/log.conf), as values.

A request that was tried on several replicas has lists, an entry per attempt:
https://nginx.org/en/docs/http/ngx_http_upstream_module.html#variables
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

# " : " stands between groups of servers, where a request was passed on inside the balancer.
BETWEEN_ATTEMPTS = re.compile(r", | : ")
PORT = re.compile(r":\d+$")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of the balancer at one replica.

    Args:
        status: its answer's status, or the one that the balancer made of its silence (502, 504); None if the client
            went away before there was one.
        seconds: until the head of its answer was there; None if none came.
    """

    address: str
    status: int | None
    connected: bool
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Request:
    """One request that the balancer logged, which it does when the request ends.

    Its attempts are the replicas that were tried, in order; none where the balancer answered by itself.
    """

    seconds: float
    attempts: tuple[Attempt, ...]


def parse_line(line: str | bytes) -> Request | None:
    """Return the request of a line; None if the line can't be read as one."""
    try:
        facts: Any = json.loads(line)
        fields = [
            BETWEEN_ATTEMPTS.split(facts[name])
            for name in ("upstream", "upstream_status", "upstream_connect_seconds", "upstream_header_seconds")
        ]
        seconds = _number(str(facts["seconds"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    attempts = tuple(
        Attempt(
            address=PORT.sub("", address).strip("[]"),
            status=int(status) if status.isascii() and status.isdigit() and len(status) == 3 else None,
            connected=_number(connect) is not None,
            seconds=_number(header),
        )
        for address, status, connect, header in zip_longest(*fields, fillvalue="-")
        if address not in {"", "-"}
    )
    return Request(seconds or 0.0, attempts)


def _number(text: str) -> float | None:
    """Return a number of seconds; None for the "-" of an unknown one."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
