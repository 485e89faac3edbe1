"""The address of a store: the environment's headers are sent along."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import unquote

from optimus_ops.errors import Refused
from optimus_ops.http import address
from optimus_ops.http.address import HttpAddress

HEADERS_VARIABLE = "OPTIMUS_TEMPO_HEADERS"
"""Headers for every request to a store: `name=value,name=value` with values percent-encoded, as OTel's own variable."""
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
EXAMPLES = {"--otlp": 4318, "--loki": 3100, "--prometheus": 9090, "--target": 8010}
"""Flags, and the port that an example of their address has; 3200 for others."""


def parse_address(text: str, flag: str, environ: Mapping[str, str]) -> HttpAddress:
    """Return the address that a flag gives, with the environment's headers; user and password of its own go before.

    Raises:
        Refused: it is no such address; the message does not repeat it where it may hold a password.
    """
    found = address.parse_address(text, flag, f"http://localhost:{EXAMPLES.get(flag, 3200)}")
    return replace(found, headers={**parse_headers(environ.get(HEADERS_VARIABLE, "")), **found.headers})


def parse_headers(text: str) -> dict[str, str]:
    """Return the headers of `OPTIMUS_TEMPO_HEADERS`; refused without a word of what is in it."""
    headers: dict[str, str] = {}
    for pair in filter(None, (pair.strip() for pair in text.split(","))):
        name, equals, value = (part.strip() for part in pair.partition("="))
        value = unquote(value)
        if not equals or not TOKEN.fullmatch(name) or not (value.isascii() and value.isprintable()):
            raise Refused(f"{HEADERS_VARIABLE} can't be read", "write name=value,name=value, values percent-encoded")
        headers[name] = value
    return headers
