"""The stores of a running stack: containers of the observability overlay, by their own addresses."""

from __future__ import annotations

from optimus_ops.errors import Refused
from optimus_ops.model.state import Replica, State
from optimus_ops.traces.store_address import StoreAddress

SERVICE_LABEL = "com.optimus.service"
TEMPO, LOKI, PROMETHEUS = ("tempo", 3200), ("loki", 3100), ("prometheus", 9090)
"""Services of the overlay, and the ports of their APIs."""
COMMAND = "invoke scale --observability"


def find_store(state: State, store: tuple[str, int]) -> StoreAddress | None:
    """Return the address of a store's container; None where it does not run."""
    service, port = store
    for replica in state.replicas:
        if _service(replica) == service and replica.running:
            address = next((found for found in replica.addresses.values() if found), "")
            if address:
                return StoreAddress("http", address, port)
    return None


def require_store(state: State, store: tuple[str, int]) -> StoreAddress:
    """Return the address of a store's container.

    Raises:
        Refused: the stack does not run, or runs without the overlay.
    """
    if address := find_store(state, store):
        return address
    if not any(replica.running for replica in state.replicas):
        raise Refused(f"{state.project} does not run", f"start it with its stores of traces: {COMMAND}")
    if any(_service(replica) == store[0] for replica in state.replicas):
        raise Refused(f"{store[0]} of {state.project} does not run", f"see why: invoke logs {store[0]}")
    raise Refused(
        f"{state.project} runs without a store of traces",
        f"add it with: {COMMAND}, then: invoke deploy\n  or ask another one: --tempo URL",
    )


def _service(replica: Replica) -> str:
    return replica.labels.get(SERVICE_LABEL) or replica.service
