"""The address of an API, with what is sent along to be let in."""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from optimus_ops.errors import Refused

PATH = re.compile(r"[\w./~%+@:-]*", re.ASCII)
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class HttpAddress:
    """Where an API begins: `http://host:port/prefix`; `headers` may hold credentials and are never shown."""

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


def parse_address(text: str, flag: str, example: str) -> HttpAddress:
    """Return the address that a flag gives: `http://user:password@host:3200/prefix`.

    Raises:
        Refused: it is no such address; the message does not repeat it where it may hold a password.
    """
    shown = text if "@" not in text else "the address"
    hint = f"scheme, host and port are wanted, as in: {example}"
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
    headers = {}
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    return HttpAddress(parts.scheme, host, port or PORTS[parts.scheme], parts.path.rstrip("/"), headers)
