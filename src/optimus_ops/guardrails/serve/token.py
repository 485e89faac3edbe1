"""The token that clients show over HTTP: in a file that only its owner can read."""

from __future__ import annotations

import hmac
import os
import secrets
import stat
from pathlib import Path

from optimus_ops.errors import Refused
from optimus_ops.system.atomic_write import atomic_write
from optimus_ops.system.ignored_folder import make_ignored

LEAST_CHARACTERS, MOST_CHARACTERS = 32, 4096
MAKE = "python3 -c 'import secrets; print(secrets.token_urlsafe(32))' > FILE; chmod 600 FILE"


def read_token(path: Path, *, make: bool) -> str:
    """Return the token of a file; with `make`, write one where there is none.

    Raises:
        Refused: it can't be read, others can read it, or what it holds is no token.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        if not make:
            raise Refused(f"no token in {path}: no such file", MAKE) from None
        token = secrets.token_urlsafe(32)
        make_ignored(path.parent)
        atomic_write(path, f"{token}\n")
        return token
    except OSError as error:
        raise Refused(f"the token can't be read: {path}: {error.strerror}") from None
    with os.fdopen(descriptor, "rb") as file:
        if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
            raise Refused(f"others can read the token in {path}", f"chmod 600 {path}")
        data = file.read(MOST_CHARACTERS + 1).strip()
    if not LEAST_CHARACTERS <= len(data) <= MOST_CHARACTERS or not data.isascii() or len(data.split()) != 1:
        raise Refused(f"{path}: a token is one word of {LEAST_CHARACTERS} characters or more", MAKE)
    return data.decode()


def shows_token(header: bytes, token: str) -> bool:
    """Tell whether an Authorization header shows a token (RFC 6750); the time it takes tells nothing of the token."""
    scheme, _, shown = header.partition(b" ")
    return scheme.lower() == b"bearer" and hmac.compare_digest(shown.strip(), token.encode())
