"""Attributes as OTLP's protobuf messages (opentelemetry/proto/common/v1/common.proto): encoded when they are set.

So a span keeps nothing alive but a few bytes, most of which are the same objects in all spans.
"""

import struct
from collections.abc import Mapping
from functools import lru_cache
from typing import TypeVar

from optimus_kit.telemetry.limits import bounded
from optimus_kit.telemetry.wire import FIXED64, LENGTH, VARINT, delimited, tag, varint
from optimus_kit.tracing import SharedAttributes, Value

SHORT = 31
"""Characters of a text that is kept encoded: method, route, system, model, tenant. Ids are longer, and seen once."""
SMALL = 1024
MOST_KEPT = 1024
INT64 = range(-(1 << 63), 1 << 63)
UNSIGNED = (1 << 64) - 1
ONE_BYTE = 128

_Same = TypeVar("_Same", str, int, tuple[str, ...])

_ATTRIBUTE, _KEY, _VALUE = tag(9, LENGTH), tag(1, LENGTH), tag(2, LENGTH)
_TEXT, _BOOL, _INT, _DOUBLE, _ARRAY = tag(1, LENGTH), tag(2, VARINT), tag(3, VARINT), tag(4, FIXED64), tag(5, LENGTH)
_ENTRY = tag(1, LENGTH)


def encode_attribute(key: str, value: Value) -> bytes:
    """Return an attribute as a field of a Span."""
    if isinstance(value, str):
        return short_texts[key, value] if len(value) <= SHORT else _text(key, value)
    if type(value) is int and -1 < value < SMALL:
        return _small_numbers[key, value]
    if isinstance(value, (int, float)) or sum(map(len, value)) > SHORT:
        return encode_field(key, value)
    return _few_texts[key, tuple(value)]


def encode_shared(attributes: SharedAttributes) -> Mapping[str, bytes]:
    """Return attributes that many spans have, each as a field of a Span; they are encoded once."""
    if attributes.encoded is None:
        attributes.encoded = {key: encode_field(key, bounded(value)) for key, value in attributes.items()}
    return attributes.encoded


def encode_field(key: str, value: Value) -> bytes:
    """Likewise, of a value that may hold other things than it should: those of a library."""
    return delimited(_ATTRIBUTE, encode_pair(key, value))


class _Kept(dict[tuple[str, _Same], bytes]):
    """Attributes that are encoded once, by key and value; a `lru_cache` takes thrice as long to find one."""

    def __missing__(self, pair: tuple[str, _Same]) -> bytes:
        """Encode one that is new. What many different values bring is forgotten together."""
        if len(self) >= MOST_KEPT:
            self.clear()
        encoded = self[pair] = encode_field(*pair)
        return encoded


short_texts = _Kept[str]()
"""Texts of at most SHORT characters."""
_small_numbers = _Kept[int]()
_few_texts = _Kept[tuple[str, ...]]()


def _text(key: str, value: str) -> bytes:
    """Encode a text that is not kept, in one step where all lengths are single bytes."""
    encoded_key, encoded = _encoded_key(key), utf8(value)
    size = len(encoded)
    whole = len(encoded_key) + size + 4
    if whole < ONE_BYTE:
        return b"%b%c%b%b%c%b%c%b" % (_ATTRIBUTE, whole, encoded_key, _VALUE, size + 2, _TEXT, size, encoded)
    return encode_field(key, value)


def encode_pair(key: str, value: Value) -> bytes:
    """Return an opentelemetry.proto.common.v1.KeyValue."""
    return _encoded_key(key) + delimited(_VALUE, _value(value))


@lru_cache(maxsize=512)
def _encoded_key(key: str) -> bytes:
    return delimited(_KEY, utf8(key))


def _value(value: Value) -> bytes:
    if isinstance(value, str):
        return delimited(_TEXT, utf8(value))
    if isinstance(value, bool):
        return _BOOL + varint(value)
    if isinstance(value, int):
        # A number that OTLP has no place for is told as text.
        return _INT + varint(value & UNSIGNED) if value in INT64 else delimited(_TEXT, utf8(str(value)))
    if isinstance(value, float):
        return _DOUBLE + struct.pack("<d", value)
    return delimited(_ARRAY, b"".join(delimited(_ENTRY, _value(entry)) for entry in value))


def utf8(text: str) -> bytes:
    """Return a text as UTF-8, whatever it is."""
    # What a client sent as JSON may have halves of surrogate pairs.
    return text.encode("utf-8", "replace")
