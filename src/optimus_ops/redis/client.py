"""Clients that give up in time, and what their errors mean in a few words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

from optimus_ops.redis.model import Address, NotPermitted
from optimus_ops.redis.trouble import ANSWER_SECONDS, ODD_ANSWERS, explain
from optimus_ops.secrets.value import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from optimus_ops.redis.redis_url import RedisUrl, Tls

Answer = TypeVar("Answer")

NO_PASSWORD = Secret("")
CONNECT_SECONDS = 2.0
NOT_OFFERED = "the server does not offer the command"
ODD = (RedisError, OSError, *ODD_ANSWERS)
"""What asking may end in."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Whom to say that we are, and over which kind of connection.

    Args:
        user: an ACL user; "" for the default one.
        password: empty where none is needed.
        tls: None without TLS.
    """

    user: str = ""
    password: Secret = NO_PASSWORD
    tls: Tls | None = None


NO_CREDENTIALS = Credentials()


def _settings() -> dict[str, Any]:
    return {
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_timeout": ANSWER_SECONDS,
        # One refusal is the answer: who retries for seconds would show a dead server as a slow one.
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        # It would be the first to be told of protected mode, and keep that to itself.
        "driver_info": None,
        "decode_responses": True,
        "encoding_errors": "replace",
    }


def open_client(address: Address, login: Credentials) -> Any:
    """Return a client of the server or sentinel at an address; nothing is sent yet."""
    return Redis(
        host=address.host,
        port=address.port,
        username=login.user or None,
        password=login.password.reveal() or None,
        **(login.tls.arguments() if login.tls else {}),
        **_settings(),
    )


def open_sentinel(address: Address, login: Credentials) -> Any:
    """Return a client of the sentinel at an address; one that has no use for the login is asked without.

    A group's servers may want a password while its sentinels have none.

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
        return open_client(address, Credentials(tls=login.tls))
    return client


def open_url(url: RedisUrl, login: Credentials) -> Any:
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


def ask(question: Callable[[], Answer]) -> Answer | NotPermitted:
    """Return the answer to a question, or why there is none; one that is refused says nothing about the others.

    Managed services refuse in words of their own, or hang up; and some answer in another form.
    """
    try:
        return question()
    except ODD as error:
        return NotPermitted(refusal(error))


def attempt(question: Callable[[], object]) -> str | NotPermitted:
    """Return whether something worked: "", or why it failed, or that it may not be asked here.

    Raises:
        RedisError: the connection failed.
    """
    try:
        question()
    except ResponseError as error:
        return NotPermitted(refusal(error)) if is_refusal(error) else reason(error)
    return ""


def cause_of(client: Any, error: BaseException) -> BaseException:
    """Return what a server says to a connection that it closes at once, else the error that came of that.

    Protected mode and a full table of clients are told before anything is asked; redis-py then has only found a
    connection that is not as it should be.
    """
    if not isinstance(error, RedisConnectionError) or error.status_code:
        return error
    connection = client.connection_pool.make_connection()
    try:
        connection.connect()
        connection.read_response(timeout=ANSWER_SECONDS)
    except ResponseError as said:
        return said
    except ODD as said:
        return said if isinstance(said, RedisError) and said.status_code else error
    finally:
        connection.disconnect()
    return error


def is_refusal(error: RedisError) -> bool:
    """Tell whether it is about who asks, or about the command, and not about what it would do."""
    # There is no code for a command that isn't there: managed services take some away, old servers don't have them yet.
    unknown = ("unknown command", "unknown subcommand", "unknown sentinel subcommand")
    return isinstance(error, NoPermissionError) or str(error).lower().removeprefix("err ").startswith(unknown)


def refusal(error: BaseException) -> str:
    """Return in a few words why there is no answer to a question."""
    if isinstance(error, ResponseError) and not isinstance(error, NoPermissionError) and is_refusal(error):
        return NOT_OFFERED
    return reason(error)


def reason(error: BaseException) -> str:
    """Return in a few words what an error means."""
    return explain(error).reason
