"""One JSON line per request on standard output; never a header, a query string or a body."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~/:@!$&'()*+,;=%{}")


@dataclass(frozen=True)
class Access:
    """A served request; `seconds` is the time from its arrival to the last byte given to the kernel."""

    request_id: str
    tenant: str | None
    method: str
    path: str
    status: int
    seconds: float


def access_line(service: str, access: Access, now: float) -> str:
    """Return the line, built by hand because `json.dumps` of the whole costs several times as much."""
    stamp = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
    tenant = f'"{access.tenant}"' if access.tenant else "null"
    path = f'"{access.path}"' if PLAIN.issuperset(access.path) else json.dumps(access.path)
    return (
        f'{{"time":"{stamp}","service":"{service}","request_id":"{access.request_id}","tenant":{tenant},'
        f'"method":"{access.method}","path":{path},"status":{access.status},"ms":{access.seconds * 1000:.2f}}}\n'
    )


def access_writer(service: str, write: Callable[[str], object]) -> Callable[[Access], None]:
    """Return what logs one request by calling `write` with a line."""

    def log(access: Access) -> None:
        write(access_line(service, access, time.time()))

    return log
