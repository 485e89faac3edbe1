"""Types of values (`@type=`): what a value of each must be, said without showing any of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Literal, get_args
from urllib.parse import urlsplit

from optimus_ops.secrets.value import Secret

ValueType = Literal["text", "key", "keys", "url", "json", "pem"]
TYPES: tuple[ValueType, ...] = get_args(ValueType)
MEANING: Mapping[ValueType, str] = {
    "text": "text",
    "key": "one API key",
    "keys": "API keys, separated by commas",
    "url": "a URL",
    "json": "a JSON object",
    "pem": "a PEM block",
}
SEPARATOR = re.compile(r"[,\n]")
PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----\n[A-Za-z0-9+/=\n]+\n-----END \1-----\n?")


def type_problem(kind: ValueType, value: Secret) -> str | None:
    """Return what keeps a value from being of a type ("its key 2 of 3 is empty"), None if nothing does."""
    check = CHECKS.get(kind)
    return check(value.reveal()) if check else None


def _key(text: str) -> str | None:
    # What a header's value may hold (RFC 9110, 5.5), as the services demand it.
    return None if text.isascii() and text.isprintable() else "has a character that no header holds"


def _keys(text: str) -> str | None:
    keys = [part.strip() for part in SEPARATOR.split(text)]
    for number, key in enumerate(keys, start=1):
        if problem := _key(key) if key else "is empty":
            return f"its key {number} of {len(keys)} {problem}"
    return None


def _url(text: str) -> str | None:
    try:
        parts = urlsplit(text)
        complete = bool(parts.scheme and parts.hostname and (parts.port is None or parts.port))
    except ValueError:
        complete = False
    return None if complete else "it is no URL with a scheme and a host"


def _json(text: str) -> str | None:
    try:
        document = json.loads(text)
    except ValueError:
        # Not the parser's words: they can quote the value.
        return "it is not valid JSON"
    return None if isinstance(document, dict) else "it is no JSON object"


def _pem(text: str) -> str | None:
    return None if PEM.fullmatch(text) else "it is no PEM block (-----BEGIN …----- to -----END …-----)"


CHECKS: Mapping[ValueType, Callable[[str], str | None]] = {
    "key": lambda text: f"it {problem}" if (problem := _key(text)) else None,
    "keys": _keys,
    "url": _url,
    "json": _json,
    "pem": _pem,
}
