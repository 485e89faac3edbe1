"""Addresses that were given are tried before anything is sent: where nobody listens, waiting helps nothing."""

from __future__ import annotations

from optimus_ops.errors import OpsError
from optimus_ops.http.address import HttpAddress
from optimus_ops.http.client import HttpClient, NoAnswer
from optimus_ops.system.wait import run_parallel
from optimus_ops.traces.smoke.places import PlaceFlags, Places

SECONDS = 2.0
MOST_BYTES = 1024**2


def check_addresses(flags: PlaceFlags, places: Places) -> None:
    """Try the stores and the collector that flags name; those of a stack may still be starting.

    Raises:
        OpsError: a connection is refused, or there is no such host. Whatever else is wrong is a finding of the test.
    """
    given = (
        ("--tempo", flags.tempo, places.traces),
        ("--otlp", flags.otlp, places.collector),
        ("--loki", flags.loki, places.logs),
    )
    tried = [(flag, place.address) for flag, text, place in given if text and place and place.address]
    failed = [found for found in run_parallel(_try, tried) if found] if tried else []
    if failed:
        raise OpsError("\n  ".join(failed), "is the address right, and does it run? nothing was sent")


def _try(tried: tuple[str, HttpAddress]) -> str:
    """Return why nobody can be there, "" where somebody may be."""
    flag, address = tried
    try:
        HttpClient(SECONDS, MOST_BYTES).send(address, "GET", "/", {})
    except NoAnswer as error:
        return f"{flag} {address} does not answer: {error}" if error.nobody_there else ""
    return ""
