"""JSON from outside: finite numbers, bounded nesting, so that what was read can be written again."""

import json
import math
from typing import Any

from pydantic_core import PydanticSerializationError, from_json, to_json

MAX_DEPTH = 100
MAX_INTEGER = 1 << 63


def parse(text: str | bytes) -> Any:
    """Read a document.

    Raises:
        ValueError: no JSON, a number that is not finite (NaN, 1e999) or beyond 64 bits, or nested too deeply.
    """
    try:
        # A tenth of the time that the standard library takes. It knows no lone surrogates, and no encoding but UTF-8.
        document = from_json(text, allow_inf_nan=False)
    except (ValueError, TypeError):
        document = _parse_slowly(text)
    check(document)
    return document


def _parse_slowly(text: str | bytes) -> Any:
    try:
        return json.loads(text, parse_float=_finite, parse_int=_bounded, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def check(value: Any) -> None:
    """Make sure that a value which another parser read can be written as JSON.

    Raises:
        ValueError: as for `parse`.
    """
    level = [value]
    for _ in range(MAX_DEPTH):
        inner: list[Any] = []
        for entry in level:
            if entry is None or isinstance(entry, str):
                continue
            if isinstance(entry, dict):
                inner.extend(entry.values())
            elif isinstance(entry, list):
                inner.extend(entry)
            elif isinstance(entry, float) and not math.isfinite(entry):
                raise ValueError("a number is not finite")
            elif isinstance(entry, int) and abs(entry) > MAX_INTEGER:
                raise ValueError("a number is too large")
        if not inner:
            return
        level = inner
    raise ValueError("nested too deeply")


def write(document: Any) -> bytes:
    """Return the document; a lone surrogate, which UTF-8 cannot hold, stays the escape that it came as."""
    try:
        return to_json(document)
    except PydanticSerializationError:
        return json.dumps(document, separators=(",", ":")).encode()


def well_formed(text: str) -> str:
    """Return the text with pairs of surrogates put together and lone ones replaced by U+FFFD."""
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number is not finite")
    return value


def _bounded(text: str) -> int:
    # Twenty characters hold every number of 64 bits, and int() is slow on very long ones.
    value = int(text) if len(text) <= 20 else MAX_INTEGER + 1
    if abs(value) > MAX_INTEGER:
        raise ValueError("a number is too large")
    return value


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
