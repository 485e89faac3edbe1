"""Whether a text that has the form of a key is one: randomness, checksums and structure keep false findings low."""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
import zlib
from collections import Counter
from urllib.parse import unquote_to_bytes

BASE62 = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PLACEHOLDERS = re.compile(
    rb"example|dummy|sample|placeholder|change[-_ ]?me|your[-_]|redacted|fake|insert|xxxx"
    rb"|\*{3}|\.{3}|1234567890|abcdefgh",
    re.IGNORECASE,
)
RESERVED = re.compile(rb"(?:^|\.)(?:example(?:\.(?:com|net|org))?|test|invalid)$", re.IGNORECASE)
"""Names that are reserved for documentation and tests (RFC 2606)."""
VARIABLE = re.compile(rb"[$`<>\\()\[\]{}]|%[a-z(]")
EVERYDAY = re.compile(rb"secret|passw|pa55w|hunter2|s3cr3t|letmein|token|user", re.IGNORECASE)
LEAST_ENTROPY = 3.0
"""Bits per character. 20 random characters have about 4; words, repetitions and counting have less than 3."""
SEQUENCE = re.compile(rb"(.)\1{4}")


def entropy(text: bytes) -> float:
    """Return Shannon's entropy of a text in bits per character."""
    total = len(text)
    return -sum(count / total * math.log2(count / total) for count in Counter(text).values()) if total else 0.0


def random_looking(text: bytes) -> bool:
    """Tell whether a text may be random: no placeholder, no character five times in a row, enough entropy."""
    return not PLACEHOLDERS.search(text) and not SEQUENCE.search(text) and entropy(text) >= LEAST_ENTROPY


def github_checksum(token: bytes) -> bool:
    """Tell whether the last six characters of a token are the CRC-32 of those before, in base 62.

    Source: https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/ ; npm's
    tokens have it as well.
    """
    body = token.partition(b"_")[2]
    number, digits = zlib.crc32(body[:-6]), bytearray()
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits.insert(0, BASE62[digit])
    return bytes(digits) == body[-6:]


def jwt(token: bytes) -> bool:
    """Tell whether a token's first part is a header that names an algorithm, and its third looks like a signature."""
    header, _payload, signature = token.split(b".")
    try:
        found = json.loads(base64.urlsafe_b64decode(header + b"=" * (-len(header) % 4)))
    except (ValueError, binascii.Error):
        return False
    return isinstance(found, dict) and str(found.get("alg", "none")).lower() != "none" and entropy(signature) > 4.0


def private_key(block: bytes) -> bool:
    """Tell whether a PEM block's first line decodes to the start of a key, and not to dots or words."""
    body = re.sub(rb"-----BEGIN [A-Z ]+-----|\\[rn]|\s|[\"',+]", b"", block.replace(b"\\n", b"\n"), flags=re.ASCII)
    line = body[:48]
    try:
        start = base64.b64decode(line[: len(line) // 4 * 4], validate=True)
    except (ValueError, binascii.Error):
        return False
    return start[:1] == b"\x30" or start.startswith(b"openssh-key-v1")


def password_in_url(match: bytes) -> bool:
    """Tell whether the password of a URL is no placeholder, variable or everyday word."""
    before, _, host = match.rpartition(b"@")
    password = unquote_to_bytes(before.rpartition(b":")[2])
    if RESERVED.search(host) or VARIABLE.search(password) or EVERYDAY.search(password):
        return False
    return len(set(password)) >= 8 and random_looking(password) and bool(re.search(rb"[0-9]", password))
