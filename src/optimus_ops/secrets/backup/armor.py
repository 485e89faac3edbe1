"""OpenPGP's ASCII armor, as strict as it can be read: no bit of a file can change without being noticed.

Source: https://www.rfc-editor.org/rfc/rfc4880#section-6 (armor, and the CRC-24 at its end).
"""

from __future__ import annotations

import base64
import binascii

from optimus_ops.errors import Refused

BEGIN = b"-----BEGIN PGP MESSAGE-----\n\n"
END = b"-----END PGP MESSAGE-----\n"
COLUMNS = 64
CRC_START, CRC_POLYNOMIAL = 0xB704CE, 0x1864CFB


def armored(message: bytes) -> bytes:
    """Return a message as text, with its checksum."""
    body = base64.b64encode(message)
    lines = [body[start : start + COLUMNS] for start in range(0, len(body), COLUMNS)]
    checksum = b"=" + base64.b64encode(crc24(message).to_bytes(3, "big"))
    return BEGIN + b"".join(line + b"\n" for line in (*lines, checksum)) + END


def dearmored(text: bytes, source: str) -> bytes:
    """Return the message in a text that `armored` made.

    Raises:
        Refused: it is cut off, or anything else in it is not as it was written.
    """
    if END.rstrip() not in text:
        raise Refused(f"{source} is cut off: its end is missing", "take another copy of it")
    # Written anew, it has to be the same: its checksum, its lines, each character.
    body = text.removeprefix(BEGIN).partition(b"\n=")[0].replace(b"\n", b"")
    try:
        message = base64.b64decode(body, validate=True)
    except binascii.Error:
        message = b""
    if not message or armored(message) != text:
        raise Refused(f"{source} was changed since it was written", "take another copy of it")
    return message


def crc24(message: bytes) -> int:
    """Return OpenPGP's checksum of a message."""
    value = CRC_START
    for byte in message:
        value = (value << 8 & 0xFFFFFF) ^ CRC_TABLE[value >> 16 ^ byte]
    return value


def _shifted(byte: int) -> int:
    value = byte << 16
    for _ in range(8):
        value <<= 1
        if value & 0x1000000:
            value ^= CRC_POLYNOMIAL
    return value


CRC_TABLE = tuple(_shifted(byte) for byte in range(256))
