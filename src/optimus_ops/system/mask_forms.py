"""The forms in which a value appears in output: as it is, and as URLs, JSON, base64, shells and pages write it."""

from __future__ import annotations

import base64
import html
import json
import shlex
from collections.abc import Iterator
from urllib.parse import quote, quote_plus


def forms_of(value: str, shortest: int) -> frozenset[bytes]:
    """Return the forms of a value as UTF-8, without those that are shorter than `shortest` bytes."""
    encoded = (text.encode("utf-8", "surrogateescape") for text in _written(value.strip()))
    forms = {*encoded, *base64_forms(value.strip().encode("utf-8", "surrogateescape"))}
    return frozenset(form for form in forms if len(form) >= shortest)


def _written(value: str) -> Iterator[str]:
    yield value
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield repr(value)[1:-1]
    yield shlex.quote(value).strip("'")
    yield value.replace("'", "\\'")
    yield value.replace('"', '\\"')
    yield html.escape(value)
    yield html.escape(value, quote=False)
    for made in (
        quote(value, errors="surrogateescape"),
        quote(value, safe="", errors="surrogateescape"),
        quote_plus(value, errors="surrogateescape"),
    ):
        yield made
        # Hexadecimal digits are written either way.
        yield _lower_escapes(made)


def _lower_escapes(text: str) -> str:
    first, *rest = text.split("%")
    return "%".join([first, *(part[:2].lower() + part[2:] for part in rest)])


def base64_forms(data: bytes) -> Iterator[bytes]:
    """Yield base64 of a value wherever it begins in what is encoded, as `user:password` of Basic authentication.

    In turn with the usual alphabet and with that for URLs.
    """
    for before in range(3):
        # The digits at both ends also depend on the neighbours: they are left out.
        whole = base64.b64encode(b"\0" * before + data)
        begin = (0, 2, 3)[before]
        end = (before + len(data)) * 8 // 6
        yield whole[begin:end]
        yield whole[begin:end].replace(b"+", b"-").replace(b"/", b"_")
