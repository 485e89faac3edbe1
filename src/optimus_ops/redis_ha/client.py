"""Clients that give up in time, and what their errors mean in a few words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthenticationWrongNumberOfArgsError,
    BusyLoadingError,
    NoPermissionError,
    RedisError,
    ResponseError,
)
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from optimus_ops.redis_ha.facts import Address, Denied
from optimus_ops.secrets.value import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from optimus_ops.redis_ha.redis_url import RedisUrl

Answer = TypeVar("Answer")

NO_PASSWORD = Secret("")
CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 2.0
"""Longer than any command that is asked here should take; a server that needs more is in trouble."""


@dataclass(frozen=True, slots=True)
class Login:
    """Whom to say that we are.

    Args:
        user: an ACL user; "" for the default one.
        password: empty where none is needed.
    """

    user: str = ""
    password: Secret = NO_PASSWORD


NOBODY = Login()


def _settings() -> dict[str, Any]:
    return {
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_timeout": ANSWER_SECONDS,
        # One refusal is the answer: who retries for seconds would show a dead server as a slow one.
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        "decode_responses": True,
        "encoding_errors": "replace",
    }


def open_client(address: Address, login: Login) -> Any:
    """Return a client of the server or sentinel at an address; nothing is sent yet."""
    return Redis(
        host=address.host,
        port=address.port,
        username=login.user or None,
        password=login.password.reveal() or None,
        **_settings(),
    )


def open_sentinel(address: Address, login: Login) -> Any:
    """Return a client of the sentinel at an address; one that has no use for the login is asked without.

    A group's servers may want a password while its sentinels have none, or another one.

    Raises:
        RedisError: it does not answer.
    """
    client = open_client(address, login)
    if not login.password:
        return client
    try:
        client.ping()
    except AuthenticationError:
        client.close()
        return open_client(address, NOBODY)
    return client


def open_url(url: RedisUrl, login: Login) -> Any:
    """Return a client of the server that a URL names; nothing is sent yet.

    Args:
        url: the URL.
        login: what is given here goes before what the URL says.
    """
    return Redis(
        username=login.user or url.user or None,
        password=login.password.reveal() or url.password or None,
        **url.arguments(),
        **_settings(),
    )


def ask(question: Callable[[], Answer]) -> Answer | Denied:
    """Return the answer to a question, or that it may not be asked here.

    Raises:
        RedisError: it failed in another way.
    """
    try:
        return question()
    except NoPermissionError:
        return Denied("the user has no right to ask")
    except ResponseError as error:
        # There is no code for it: managed services take commands away, old servers don't have them yet.
        if str(error).lower().startswith(("unknown command", "unknown subcommand", "unknown sentinel subcommand")):
            return Denied("the server does not offer the command")
        raise


def reason(error: BaseException) -> str:
    """Return in a few words why a server did not answer."""
    if isinstance(error, AuthenticationError | AuthenticationWrongNumberOfArgsError):
        return "it wants a password" if error.status_code == "NOAUTH" else "it refuses the user or the password"
    if isinstance(error, BusyLoadingError):
        return "it is loading its data from disk"
    if isinstance(error, RedisTimeoutError | TimeoutError):
        return f"no answer within {ANSWER_SECONDS:.0f} s"
    if (system := _system_error(error)) is not None:
        return system.strerror.lower() if system.strerror else str(system)
    code = f"{error.status_code} " if isinstance(error, RedisError) and error.status_code else ""
    text = str(error).strip() or type(error).__name__
    return f"{code}{text.splitlines()[0]}"[:200]


def _system_error(error: BaseException) -> OSError | None:
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None
