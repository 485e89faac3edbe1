"""Requests by which a platform tells whether its services accept a value: a module that the project names.

    [tool.optimus-ops]
    secret-probes = "acme_ops.secret_probes"

The module's function `probes()` returns them. Each is sent to every replica of its service, on a connection of its own,
and changes nothing there.
"""

from __future__ import annotations

import http.client
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Protocol

from optimus_ops.project.named_functions import named_function
from optimus_ops.project.settings import Project
from optimus_ops.rotation.model import Validity

ASK_SECONDS = 10.0
DENIED = frozenset({401, 403})


@dataclass(frozen=True, slots=True)
class ProbeRequest:
    """One request."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class SecretProbe:
    """How a service is asked whether it accepts a value.

    Args:
        keys: which keys it is for; `*` stands for anything.
        service: whose replicas are asked, at their first port.
        request: makes the request that shows a value, or is signed by it.
        valid: statuses that only whoever has a valid value gets.
        uses: returns the counter (its name and labels, as in `/metrics`) of the uses of a key's value that isn't
            current; None where nothing counts them.
    """

    keys: str
    service: str
    request: Callable[[str], ProbeRequest]
    valid: frozenset[int] = frozenset({200})
    uses: Callable[[str], str] | None = None


class SendRequest(Protocol):
    """Sends a request."""

    def __call__(self, host: str, port: int, request: ProbeRequest) -> tuple[int, bytes]:
        """Return status and body of the answer, status 0 without one."""


def send_http(host: str, port: int, request: ProbeRequest) -> tuple[int, bytes]:
    """Send one request on a new connection."""
    connection = http.client.HTTPConnection(host, port, timeout=ASK_SECONDS)
    try:
        headers = {"User-Agent": "optimus-ops", "Connection": "close", **request.headers}
        connection.request(request.method, request.path, body=request.body or None, headers=headers)
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


def judge(status: int, probe: SecretProbe) -> Validity:
    """Return what an answer says of a value: whatever is not foreseen (429, 5xx, none) says nothing."""
    if status in probe.valid:
        return Validity.VALID
    return Validity.INVALID if status in DENIED else Validity.UNKNOWN


def agreed(answers: Sequence[Validity]) -> Validity:
    """Return what all say; UNKNOWN where they differ."""
    return answers[0] if len(set(answers)) == 1 else Validity.UNKNOWN


def load_probes(project: Project, key: str) -> tuple[SecretProbe, ...]:
    """Return the probes for a key; none where the project names no module."""
    if not project.secret_probes:
        return ()
    probes: Sequence[SecretProbe] = named_function(
        "secret-probes", project.secret_probes, "probes", "docs/secrets-rotation.md"
    )()
    return tuple(probe for probe in probes if fnmatchcase(key, probe.keys))


def counter_of(metrics: str, name: str) -> float:
    """Return the value of a counter in the text of `/metrics`; 0 where it was never counted."""
    for line in metrics.splitlines():
        if line.startswith(f"{name} "):
            return float(line.rpartition(" ")[2])
    return 0.0
