"""SCRAM-SHA-256 verifiers as PostgreSQL keeps them: made here, so that the server and its log never see a password.

Form: `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`, RFC 5802 and RFC 7677;
https://www.postgresql.org/docs/current/catalog-pg-authid.html.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import unicodedata

from optimus_ops.secrets.value import Secret

ITERATIONS = 4096
SALT_BYTES = 16
FORM = re.compile(r"SCRAM-SHA-256\$(?P<iterations>\d+):(?P<salt>[^$]+)\$(?P<stored>[^:]+):(?P<server>.+)")


def new_verifier(password: Secret) -> str:
    """Return a verifier of a password, with a salt of its own."""
    return _verifier(password, ITERATIONS, os.urandom(SALT_BYTES))


def verifies(verifier: str, password: Secret) -> bool:
    """Tell whether a verifier, as the server has it, is one of a password."""
    found = FORM.fullmatch(verifier)
    if found is None:
        return False
    try:
        made = _verifier(password, int(found["iterations"]), base64.b64decode(found["salt"], validate=True))
    except ValueError:
        return False
    return hmac.compare_digest(made, verifier)


def _verifier(password: Secret, iterations: int, salt: bytes) -> str:
    # SASLprep for the characters that passwords have: it is NFKC for all that it allows.
    prepared = unicodedata.normalize("NFKC", password.reveal()).encode()
    salted = hashlib.pbkdf2_hmac("sha256", prepared, salt, iterations)
    stored = hashlib.sha256(_keyed(salted, b"Client Key")).digest()
    parts = [base64.b64encode(part).decode() for part in (salt, stored, _keyed(salted, b"Server Key"))]
    return f"SCRAM-SHA-256${iterations}:{parts[0]}${parts[1]}:{parts[2]}"


def _keyed(key: bytes, text: bytes) -> bytes:
    return hmac.digest(key, text, "sha256")
