"""OpenPGP keyrings as APT takes them: binary; armoured ones are unwrapped (RFC 9580, section 6.2)."""

from __future__ import annotations

import base64
import binascii
import re
from pathlib import Path

ARMOURED = re.compile(
    rb"-----BEGIN PGP PUBLIC KEY BLOCK-----[ \t]*\r?\n(.*?)-----END PGP PUBLIC KEY BLOCK-----", re.DOTALL
)


def binary(data: bytes) -> bytes:
    """Return a keyring without armour, if it has any; raise ValueError where an armoured block is damaged."""
    blocks = ARMOURED.findall(data)
    return b"".join(_unwrap(block) for block in blocks) if blocks else data


def load(signed_by: str) -> bytes:
    """Return the keys that a source's Signed-By names: paths separated by blanks or commas, or an armoured key itself.

    Empty if it names none that can be read, such as a fingerprint.
    """
    if "BEGIN PGP" in signed_by:
        return binary(signed_by.encode())
    paths = [Path(word) for word in re.split(r"[\s,]+", signed_by) if word.startswith("/")]
    return b"".join(binary(path.read_bytes()) for path in paths if path.is_file())


def _unwrap(block: bytes) -> bytes:
    lines = [line.strip() for line in block.splitlines()]
    # Headers end at the first blank line, which a key without headers may lack; the line with "=" is a checksum.
    body = lines[lines.index(b"") + 1 :] if b"" in lines[:-1] and any(b":" in line for line in lines[:1]) else lines
    try:
        return base64.b64decode(b"".join(line for line in body if not line.startswith(b"=")), validate=True)
    except binascii.Error as error:
        raise ValueError("a damaged OpenPGP key") from error
