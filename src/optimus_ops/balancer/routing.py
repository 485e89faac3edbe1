"""Routing check: through the balancer, every replica of a service answers, and none that is gone does.

Each answer names its replica (`X-Served-By`, the container's hostname). The balancer picks the replica with the fewest
connections and takes turns among equals, so that one request after the other reaches all of them soon. One that is
busier than the others (WebSockets, answers that take long) is reached only by more requests at once.
"""

from __future__ import annotations

import http.client
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from optimus_ops.errors import OpsError
from optimus_ops.model.port_conflicts import published_addresses
from optimus_ops.model.stack import Stack
from optimus_ops.model.state import State
from optimus_ops.system.wait import SYSTEM_CLOCK, Clock

ATTEMPT_SECONDS = 5.0
PAUSE_SECONDS = 0.05
# After all were seen: so many more requests per replica, to meet one that should be gone.
EXTRA_ROUNDS = 2
# One after the other, requests to a replica that hangs would take all the time there is.
PARALLEL_WHERE_SOME_HANG = 8
MOST_PARALLEL = 32


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the balancer listens for a service, and what to ask there."""

    host: str
    port: int
    path: str = "/health"

    def __str__(self) -> str:
        """Return it as a URL."""
        return f"http://{self.host}:{self.port}{self.path}"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer through the balancer: its status (0: none came), and which replica gave it ("" if not said)."""

    status: int
    served_by: str


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of replicas before any is asked, by hostname.

    Args:
        serving: they serve, and may be too busy to get one of these requests.
        unwell: they need not answer, and a failure without the name of a replica counts as theirs.
    """

    serving: frozenset[str] = frozenset()
    unwell: frozenset[str] = frozenset()


def ask_http(endpoint: Endpoint) -> Answer:
    """Send one GET on a new connection."""
    connection = http.client.HTTPConnection(endpoint.host, endpoint.port, timeout=ATTEMPT_SECONDS)
    try:
        connection.request("GET", endpoint.path, headers={"Connection": "close", "User-Agent": "optimus-ops"})
        response = connection.getresponse()
        response.read()
        return Answer(response.status, response.headers.get("X-Served-By", ""))
    except (OSError, http.client.HTTPException):
        return Answer(0, "")
    finally:
        connection.close()


@dataclass(frozen=True, slots=True)
class Prober:
    """Sends requests through the balancer, one at a time by `ask`.

    Args:
        published: whether the ports that it publishes on the host are reached from here; else its own address is asked.
    """

    ask: Callable[[Endpoint], Answer] = ask_http
    clock: Clock = SYSTEM_CLOCK
    published: bool = True


NOTHING_KNOWN = Known()


@dataclass(frozen=True, slots=True)
class Routing:
    """The routing of one service.

    Args:
        expected: hostname -> name of the replicas that should answer.
        seen: hostname -> number of good answers.
        failures: what went wrong -> how often ("502", "no answer").
        may_be_silent: hostnames of those that need not have answered.
        excused: what went wrong, likewise, that is put down to replicas which are known not to be well.
    """

    service: str
    endpoint: str
    expected: Mapping[str, str]
    seen: Mapping[str, int]
    failures: Mapping[str, int]
    may_be_silent: frozenset[str] = frozenset()
    excused: Mapping[str, int] = field(default_factory=dict)

    @property
    def silent(self) -> tuple[str, ...]:
        """Names of the replicas that should have answered and did not."""
        excused = self.may_be_silent | set(self.seen)
        return tuple(name for hostname, name in self.expected.items() if hostname not in excused)

    @property
    def unexpected(self) -> tuple[str, ...]:
        """Hostnames that answered and should not have."""
        return tuple(hostname for hostname in self.seen if hostname not in self.expected)

    @property
    def good(self) -> bool:
        """Whether every replica answered, no other one, and nothing failed in the last round."""
        return not (self.silent or self.unexpected or self.failures) and bool(self.expected)

    @property
    def verdict(self) -> str:
        """The result in a few words."""
        parts = []
        if not self.expected:
            parts.append("no replica runs")
        if self.silent:
            parts.append(f"no answer from {', '.join(self.silent)}")
        if self.unexpected:
            parts.append(f"answers from {', '.join(self.unexpected)}, which should be gone")
        parts.extend(f"{count} x {failure}" for failure, count in self.failures.items())
        return "; ".join(parts) or f"all {len(self.expected)} answer"


def check_routing(
    service: str,
    endpoint: Endpoint,
    expected: Mapping[str, str],
    *,
    deadline: float,
    settle: float = 0.0,
    known: Known = NOTHING_KNOWN,
    prober: Prober | None = None,
) -> Routing:
    """Ask through the balancer until everything is as it should be, or the deadline passes.

    One round asks often enough to meet every replica; a new round forgets what the one before saw, because what counts
    is how it is now.

    `expected` are the replicas that should answer (hostname -> name); for `settle` seconds everything has to stay right
    before it counts.
    """
    prober = prober or Prober()
    began = prober.clock.monotonic()
    right_since = began
    parallel = PARALLEL_WHERE_SOME_HANG if known.unwell else 1
    while True:
        found = _round(service, endpoint, expected, prober.ask, parallel, known.unwell)
        routing = replace(found, may_be_silent=known.serving | known.unwell)
        if routing.silent:
            parallel = min(2 * parallel, MOST_PARALLEL)
        now = prober.clock.monotonic()
        if not routing.good:
            right_since = now
        settled = routing.good and now - right_since >= settle
        if settled or now - began >= deadline or not expected:
            return routing
        prober.clock.sleep(PAUSE_SECONDS)


def _round(
    service: str,
    endpoint: Endpoint,
    expected: Mapping[str, str],
    ask: Callable[[Endpoint], Answer],
    parallel: int,
    unwell: frozenset[str],
) -> Routing:
    """Send so many requests at a time, until every replica answered, or often enough that it would have."""
    seen: Counter[str] = Counter()
    failures: Counter[str] = Counter()
    excused: Counter[str] = Counter()
    # Enough for turns that skip, few enough to be quick: eight per replica, and two rounds after all were met.
    left = 8 * max(len(expected), parallel)
    with ThreadPoolExecutor(parallel) as pool:
        while left > 0 and not failures:
            met_all = set(expected) - unwell <= set(seen)
            endpoints = [endpoint] * min(parallel, left)
            for answer in pool.map(ask, endpoints) if parallel > 1 else map(ask, endpoints):
                left -= 1
                if answer.status == http.client.OK:
                    seen[answer.served_by or "(no X-Served-By)"] += 1
                else:
                    # Whoever hangs, or ends in the midst, doesn't say who it is.
                    whose = excused if unwell and answer.served_by in {"", *unwell} else failures
                    whose[str(answer.status or "no answer")] += 1
            if not met_all and set(expected) - unwell <= set(seen):
                left = min(left, EXTRA_ROUNDS * len(expected))
    return Routing(service, str(endpoint), dict(expected), dict(seen), dict(failures), excused=dict(excused))


def endpoint_of(stack: Stack, state: State, service: str, *, published: bool = True) -> Endpoint:
    """Return the balancer's endpoint for a service.

    By convention the balancer listens on the service's own port. Where that port isn't published on the host (a
    service that is only reached inside), or not `published` to whoever asks (from inside a container), the balancer's
    address on its network is asked, which works on the engine's own Linux host.
    """
    if stack.balancer is None:
        raise OpsError("this stack has no balancer", "name it in [tool.optimus-ops] balancer")
    running = state.running(stack.balancer)
    if not running:
        raise OpsError(f"the balancer ({stack.balancer}) does not run", "start it with: invoke up")
    port = stack.services[service].ports[0]
    if published and (found := published_addresses(running[0]).get(port)):
        host, host_port = found
        return Endpoint(f"[{host}]" if ":" in host else host, host_port)
    addresses = [address for address in running[0].addresses.values() if address]
    if not addresses:
        raise OpsError(f"the balancer ({stack.balancer}) has no address on a network")
    return Endpoint(addresses[0], port)
