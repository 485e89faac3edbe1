"""What a version of a service provides, and what it expects of others.

Both are OpenAPI documents (https://spec.openapis.org/oas/v3.1.1): the offer is made from the service's code, a need is
the part of a provider's document that the consumer uses, written down by the consumer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optimus_ops.errors import Refused

# In a checkout: services/NAME/contract/offers.json and needs.json.
SERVICES = "services"
FOLDER = "contract"
OFFERS = "offers.json"
NEEDS = "needs.json"
# An offer of a dozen endpoints has 15 kB; far above that is a mistake, not a contract.
MAX_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Contract:
    """The contract of one version of a service: its OpenAPI document, and provider -> the part of its that it uses."""

    provides: Mapping[str, Any]
    expects: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Break:
    """Something that a consumer needs and a provider does not offer.

    The field is a place in request or response, `response 200 .results[].score`; "" for the endpoint itself.
    """

    consumer: str
    provider: str
    endpoint: str
    field: str
    reason: str

    def __str__(self) -> str:
        """Return one line that names consumer, provider, endpoint and field."""
        place = f"{self.endpoint}, {self.field}" if self.field else self.endpoint
        return f"{self.consumer} uses {self.provider}: {place} {self.reason}"


def parse_contract(offers: bytes, needs: bytes, origin: str) -> Contract:
    """Read the two files of a contract; `origin` says in messages where they are from."""
    provides = _openapi(_decoded(offers, f"{OFFERS} of {origin}"), f"{OFFERS} of {origin}")
    raw = _decoded(needs, f"{NEEDS} of {origin}")
    if not isinstance(raw, dict):
        raise Refused(f"{NEEDS} of {origin} must be an object: provider -> part of its OpenAPI document")
    return Contract(provides, {name: _openapi(need, f"{NEEDS} of {origin}, {name}") for name, need in raw.items()})


def _decoded(content: bytes, place: str) -> Any:
    if len(content) > MAX_BYTES:
        raise Refused(f"{place} is larger than {MAX_BYTES} bytes")
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        # The message of RecursionError says nothing about the file.
        reason = str(error) if isinstance(error, ValueError) else "nested too deep"
        raise Refused(f"{place} is not JSON: {reason}") from None


def _openapi(raw: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(raw, Mapping) or not isinstance(raw.get("paths"), Mapping):
        raise Refused(f"{place} is not an OpenAPI document: it has no `paths`")
    if not str(raw.get("openapi", "")).startswith("3."):
        raise Refused(f"{place} is not an OpenAPI 3 document: `openapi` must be 3.x")
    return raw
