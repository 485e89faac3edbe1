"""Passphrases: typed without echo, or read from a descriptor; never from a command line or an environment."""

from __future__ import annotations

import getpass
import os

from optimus_ops.errors import Refused
from optimus_ops.secrets.operator_input import at_terminal
from optimus_ops.secrets.value import Secret

LONGEST = 255
"""Bytes: gpg-agent takes no more."""
HANDED_OVER = "hand it over on a descriptor: --passphrase-fd 3 3< FILE"


def read_passphrase(descriptor: str) -> Secret:
    """Read a passphrase from a descriptor, to its end; one line end behind it is left out.

    Raises:
        Refused: the descriptor is not open, or gives no passphrase.
    """
    if not descriptor.isascii() or not descriptor.isdigit():
        raise Refused(f"--passphrase-fd {descriptor}: the number of an open descriptor is wanted", HANDED_OVER)
    content = b""
    try:
        while len(content) <= LONGEST + 2 and (chunk := os.read(int(descriptor), LONGEST + 3 - len(content))):
            content += chunk
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) else "there is none"
        raise Refused(f"no passphrase can be read from descriptor {descriptor}: {reason}", HANDED_OVER) from None
    return _checked(content.removesuffix(b"\n").removesuffix(b"\r"))


def ask_passphrase(what: str, *, twice: bool = False) -> Secret:
    """Ask for a passphrase at the terminal.

    Raises:
        Refused: there is no terminal, or what was typed is no passphrase.
    """
    if not at_terminal():
        raise Refused(f"the passphrase of {what} is wanted, and there is no terminal to ask at", HANDED_OVER)
    try:
        typed = getpass.getpass(f"Passphrase of {what} (not shown): ")
        if twice and typed != getpass.getpass("The same once more: "):
            raise Refused("the two passphrases differ", "nothing was written; try again")
    except EOFError:
        typed = ""
    return _checked(typed.encode("utf-8", "surrogateescape"))


def _checked(content: bytes) -> Secret:
    if not content:
        raise Refused("the passphrase is empty", "an empty one protects nothing")
    if len(content) > LONGEST:
        raise Refused(f"the passphrase is longer than {LONGEST} bytes", "gpg takes no longer one")
    if any(byte in content for byte in b"\n\r\0"):
        raise Refused("the passphrase has a line end or a NUL within it", "gpg reads it to the first one: take another")
    try:
        return Secret(content.decode())
    except UnicodeDecodeError:
        raise Refused("the passphrase is not UTF-8 text", "set the terminal or the file to UTF-8") from None
