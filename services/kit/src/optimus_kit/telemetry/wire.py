"""The protobuf wire format: fields written and read (https://protobuf.dev/programming-guides/encoding/)."""

from collections.abc import Iterator

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
SIZES = {FIXED64: 8, FIXED32: 4}
MAX_VARINT_BYTES = 10
_SHORT = tuple(bytes((number,)) for number in range(128))


def varint(number: int) -> bytes:
    """Encode a number from 0 to 2**64 - 1."""
    if number < 128:
        return _SHORT[number]
    if number < 16_384:
        return bytes((number & 127 | 128, number >> 7))
    encoded = bytearray()
    while number > 127:
        encoded.append(number & 127 | 128)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def tag(number: int, kind: int) -> bytes:
    """Encode what stands before a field's value."""
    return varint(number << 3 | kind)


def delimited(key: bytes, content: bytes) -> bytes:
    """Encode a field of bytes, text or a message; `key` is its tag."""
    return b"%b%b%b" % (key, varint(len(content)), content)


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield number and value of each field of a message: numbers of varints, bytes of all others.

    Raises:
        ValueError: it is malformed.
    """
    at = 0
    while at < len(message):
        key, at = _read_varint(message, at)
        kind = key & 7
        value: int | bytes
        if kind == VARINT:
            value, at = _read_varint(message, at)
        else:
            if kind == LENGTH:
                size, at = _read_varint(message, at)
            elif kind in SIZES:
                size = SIZES[kind]
            else:
                raise ValueError("a wire type that is none")
            value = message[at : at + size]
            at += size
        if at > len(message) or not key >> 3:
            raise ValueError("a field that is cut off, or has no number")
        yield key >> 3, value


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    number = 0
    for index, byte in enumerate(message[at : at + MAX_VARINT_BYTES]):
        number |= (byte & 127) << 7 * index
        if byte < 128:
            return number, at + index + 1
    raise ValueError("a varint without an end")
