"""The service's login at the database: user and password in one secret, so that both change as one.

The login alternates between two users (`USERS`), so that a rotation never takes a password away that is in use: the
other user gets a new password, replicas change over, and only then is the first one locked. Both are members of
`memory_app` and become it as they log in (`memory_engine.roles`).

The secret is `USER:PASSWORD` with one of these users; a value without such a beginning is a password alone, of the
first one: what installations have until their first rotation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

SECRET = "MEMORY_DB_PASSWORD"  # noqa: S105 - a name
USERS = ("memory_engine", "memory_engine_b")


@dataclass(frozen=True)
class Login:
    """A user and its password, which is never shown.

    Args:
        text: of the secret, from which it was read.
    """

    user: str
    password: str = field(repr=False)
    text: str = field(default="", repr=False, compare=False)


ReadLogin = Callable[[], Login | None]
"""Reads the login as it is now; None where the secret is not there."""


def parse_login(text: str, user: str = USERS[0]) -> Login:
    """Read the secret.

    Args:
        text: of the secret.
        user: whose password it is if it names none.
    """
    named, colon, password = text.partition(":")
    return Login(named, password, text) if colon and password and named in USERS else Login(user, text, text)


def login_reader(read: Callable[[str], str | None], user: str = USERS[0]) -> ReadLogin:
    """Return what reads the login by `read`, which returns a secret's text by its name."""

    def login() -> Login | None:
        text = read(SECRET)
        return parse_login(text, user) if text else None

    return login
