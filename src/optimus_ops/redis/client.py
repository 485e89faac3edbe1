"""Redis clients with short time limits, and questions whose refusal is an answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

from optimus_ops.redis.error_causes import ANSWER_SECONDS, UNEXPECTED_FORM, explain
from optimus_ops.redis.nodes import Address, NotPermitted
from optimus_ops.redis.redis_url import RedisUrl, Tls
from optimus_ops.secrets.value import Secret

Answer = TypeVar("Answer")

NO_PASSWORD = Secret("")
CONNECT_SECONDS = 2.0
FAILURES = (RedisError, OSError, *UNEXPECTED_FORM)
"""Whatever a question may raise."""
# There is no code for a missing command: managed services take some away, old servers don't have them yet.
UNKNOWN = ("unknown command", "unknown subcommand", "unknown sentinel subcommand")


@dataclass(frozen=True, slots=True)
class Credentials:
    """ACL user, password and TLS settings of a connection."""

    user: str = ""  # "" for the default user
    password: Secret = NO_PASSWORD
    tls: Tls | None = None


NO_CREDENTIALS = Credentials()


def _connection_settings() -> dict[str, Any]:
    return {
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_timeout": ANSWER_SECONDS,
        # One refusal is the answer: retries would show a dead server as a slow one.
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        # CLIENT SETINFO would be the first command to meet protected mode, and redis-py hides its errors.
        "driver_info": None,
        "decode_responses": True,
        "encoding_errors": "replace",
    }


def open_client(address: Address, credentials: Credentials) -> Any:
    """Return a client of the server or sentinel at an address; nothing is sent yet."""
    return Redis(
        host=address.host,
        port=address.port,
        username=credentials.user or None,
        password=credentials.password.reveal() or None,
        **(credentials.tls.arguments() if credentials.tls else {}),
        **_connection_settings(),
    )


def open_sentinel(address: Address, credentials: Credentials) -> Any:
    """Return a client of a sentinel, without a password if it wants none: its group's servers may have one alone."""
    client = open_client(address, credentials)
    if not credentials.password:
        return client
    try:
        client.ping()
    except AuthenticationError:
        client.close()
        return open_client(address, Credentials(tls=credentials.tls))
    return client


def open_url(url: RedisUrl, credentials: Credentials) -> Any:
    """Return a client of the server of a URL; credentials take precedence over those in the URL."""
    return Redis(
        username=credentials.user or url.user or None,
        password=credentials.password.reveal() or url.password or None,
        **url.arguments(),
        **_connection_settings(),
    )


def ask(question: Callable[[], Answer]) -> Answer | NotPermitted:
    """Return the answer to a question, or why there is none; a refusal says nothing about other questions.

    Managed services refuse in words of their own, or close the connection; some answer in another form.
    """
    try:
        return question()
    except FAILURES as error:
        return refusal(error)


def attempt(command: Callable[[], object]) -> str | NotPermitted:
    """Return the error of a command, "" for none, or that it is not permitted; a failing connection is raised."""
    try:
        command()
    except ResponseError as error:
        return refusal(error) if isinstance(error, NoPermissionError) or _is_unknown(error) else reason(error)
    return ""


def cause_of(client: Any, error: BaseException) -> BaseException:
    """Return the error with which a server closes each new connection, else the given one.

    Protected mode and a full table of clients are reported before anything is asked; redis-py then only raises that
    the connection is in a wrong state.
    """
    if not isinstance(error, RedisConnectionError) or error.status_code:
        return error
    connection = client.connection_pool.make_connection()
    try:
        connection.connect()
        connection.read_response(timeout=ANSWER_SECONDS)
    except ResponseError as greeting:
        return greeting
    except FAILURES as greeting:
        return greeting if isinstance(greeting, RedisError) and greeting.status_code else error
    finally:
        connection.disconnect()
    return error


def refusal(error: BaseException) -> NotPermitted:
    """Return why there is no answer to a question."""
    if isinstance(error, ResponseError) and not isinstance(error, NoPermissionError) and _is_unknown(error):
        return NotPermitted("the server does not offer the command", offered=False)
    return NotPermitted(reason(error))


def _is_unknown(error: RedisError) -> bool:
    return str(error).lower().removeprefix("err ").startswith(UNKNOWN)


def reason(error: BaseException) -> str:
    """Return the meaning of an error in a few words."""
    return explain(error).reason
