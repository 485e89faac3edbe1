"""Endpoints with an address: the client for each."""

from __future__ import annotations

from optimus_ops.errors import Refused
from optimus_ops.evals.chat_api import MOST_BYTES, ChatApi
from optimus_ops.evals.platform import ModelEndpoint
from optimus_ops.http.address import HttpAddress, parse_address
from optimus_ops.http.client import HttpClient

ANSWER_SECONDS = 300.0
EXAMPLE = "https://models.example.com/v1"


def chat_api(endpoint: ModelEndpoint, address: HttpAddress | None = None) -> ChatApi:
    """Return what asks an endpoint.

    Raises:
        Refused: its address is none, or a key would be sent unencrypted to another network.
    """
    found = address or parse_address(endpoint.url, "--model", EXAMPLE)
    if found.scheme != "https" and not found.local and endpoint.keys:
        raise Refused(f"{found}: keys are sent over https only, but for this machine and private networks")
    return ChatApi(endpoint, found, HttpClient(ANSWER_SECONDS, MOST_BYTES, keeps=True))
