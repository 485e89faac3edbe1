"""Endpoints with an address: the client for each."""

from __future__ import annotations

from optimus_ops.errors import Refused
from optimus_ops.evals.chat_api import MOST_BYTES, ChatApi
from optimus_ops.evals.platform import ModelEndpoint
from optimus_ops.traces.http_client import HttpClient
from optimus_ops.traces.store_address import StoreAddress, parse_address

ANSWER_SECONDS = 300.0


def chat_api(endpoint: ModelEndpoint, address: StoreAddress | None = None) -> ChatApi:
    """Return what asks an endpoint.

    Raises:
        Refused: its address is none, or a key would be sent unencrypted to another network.
    """
    # Without the headers of the environment, which are those of trace stores.
    found = address or parse_address(endpoint.url, "--model", {})
    if found.scheme != "https" and not found.local and endpoint.keys:
        raise Refused(f"{found}: keys are sent over https only, but for this machine and private networks")
    return ChatApi(endpoint, found, HttpClient(ANSWER_SECONDS, MOST_BYTES))
