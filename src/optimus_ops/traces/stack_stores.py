"""The services of a running stack that have to do with traces, and its stores by their containers' addresses."""

from __future__ import annotations

from optimus_ops.errors import Refused
from optimus_ops.http.address import HttpAddress
from optimus_ops.model.state import Replica, State

NAME_LABEL = "com.optimus.service"
"""Says what a service is, whatever its name in Compose; the overlay's collector tells services apart by it."""
TEMPO, LOKI, PROMETHEUS = ("tempo", 3200), ("loki", 3100), ("prometheus", 9090)
"""Services of the overlay, and the ports of their APIs."""


def find_store(state: State, store: tuple[str, int]) -> HttpAddress | None:
    """Return the address of a store's container; None where it does not run."""
    service, port = store
    for replica in replicas_of(state, service):
        if replica.running:
            address = next((found for found in replica.addresses.values() if found), "")
            if address:
                return HttpAddress("http", address, port)
    return None


def require_store(state: State, store: tuple[str, int], adding: str) -> HttpAddress:
    """Return the address of a store's container; `adding` is the command that adds it, "" where there is none.

    Raises:
        Refused: the stack does not run, or runs without the overlay.
    """
    if address := find_store(state, store):
        return address
    if not any(replica.running for replica in state.replicas):
        raise Refused(f"{state.project} does not run", starting(adding))
    if replicas_of(state, store[0]):
        raise Refused(f"{store[0]} of {state.project} does not run", f"see why: invoke logs {store[0]}")
    raise Refused(
        f"{state.project} runs without a store of traces",
        f"add it with: {adding}, then: invoke deploy\n  or ask another one: --tempo URL"
        if adding
        else "the project has no overlay with one; ask another one: --tempo URL",
    )


def starting(adding: str) -> str:
    """Return how a stack that does not run is started with its stores."""
    return f"start it with its stores of traces: {adding}" if adding else "start it with: invoke up"


def replicas_of(state: State, service: str) -> tuple[Replica, ...]:
    """Return the replicas of a service, by its label or by its name in Compose, whether they run or not."""
    return tuple(replica for replica in state.replicas if service in {replica.labels.get(NAME_LABEL), replica.service})
