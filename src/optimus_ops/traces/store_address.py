"""The address of a store, with what is sent along to be let in."""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from optimus_ops.errors import Refused

HEADERS_VARIABLE = "OPTIMUS_TEMPO_HEADERS"
"""Headers for every request to a store: `name=value,name=value` with values percent-encoded, as OTel's own variable."""
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
PATH = re.compile(r"[\w./~%+@:-]*", re.ASCII)
PORTS = {"http": 80, "https": 443}
EXAMPLES = {"--otlp": 4318, "--loki": 3100, "--prometheus": 9090, "--target": 8010}
"""Flags, and the port that an example of their address has; 3200 for others."""


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """Where a store's API begins: `http://host:port/prefix`; `headers` may hold credentials and are never shown."""

    scheme: str
    host: str
    port: int
    prefix: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        """Return the address without credentials."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.prefix}"

    @property
    def local(self) -> bool:
        """Whether it is in this machine's own networks, which no proxy leads to."""
        try:
            address = ipaddress.ip_address(self.host)
        except ValueError:
            return "." not in self.host or self.host.endswith((".localhost", ".local", ".internal"))
        return address.is_private or address.is_loopback or address.is_link_local


def parse_address(text: str, flag: str, environ: Mapping[str, str]) -> StoreAddress:
    """Return the address that a flag gives: `http://user:password@host:3200/prefix`, with the environment's headers.

    Raises:
        Refused: it is no such address; the message does not repeat it where it may hold a password.
    """
    shown = text if "@" not in text else "the address"
    hint = f"scheme, host and port are wanted, as in: http://localhost:{EXAMPLES.get(flag, 3200)}"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise Refused(f"{flag}: {shown} is no address", hint) from None
    plain = host.isprintable() and not re.search(r"[\s%]", host) and text.isprintable()
    if parts.scheme not in PORTS or not host or not plain or not PATH.fullmatch(parts.path) or port == 0:
        raise Refused(f"{flag}: {shown} is no address", hint)
    if parts.query or parts.fragment:
        raise Refused(f"{flag}: an address has neither `?` nor `#` here", hint)
    headers = parse_headers(environ.get(HEADERS_VARIABLE, ""))
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    return StoreAddress(parts.scheme, host, port or PORTS[parts.scheme], parts.path.rstrip("/"), headers)


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
