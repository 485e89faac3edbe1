"""Meaning and remedy of errors of Redis, TLS and the network, decided by codes and types.

Source: https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors says that the
first word of an error is its code.
"""

from __future__ import annotations

import errno
import re
import socket
import ssl
from dataclasses import dataclass

from redis.exceptions import (
    AuthenticationError,
    AuthenticationWrongNumberOfArgsError,
    InvalidResponse,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from optimus_ops.system.output_masking import masked

ANSWER_SECONDS = 2.0
"""Longer than any command here should take."""
CODE = re.compile(r"[A-Z][A-Z0-9]*(?=[ -]|$)")
PASSWORD_HINT = "name the right one: --password-file FILE, --user NAME (--sentinel-password-file, --sentinel-user)"  # noqa: S105 - no password
WAY_HINT = "look at what it says last: invoke logs; and at the way to it: host, port, network, TLS"
PORT_HINT = "is it the right port? A server that wants TLS answers so too: --tls, rediss://"


@dataclass(frozen=True, slots=True)
class ErrorCause:
    """The meaning of an error in a few words, and what to do."""

    reason: str
    hint: str = WAY_HINT


CODES = {
    "NOAUTH": ErrorCause("it wants a password", PASSWORD_HINT),
    "WRONGPASS": ErrorCause("it refuses the user or the password", PASSWORD_HINT),
    "NOPERM": ErrorCause("the user has no right to ask", "ACL SETUSER gives it"),
    "LOADING": ErrorCause("it is loading its data from disk", "wait: it answers nothing until it has read it all"),
    "BUSY": ErrorCause(
        "a script keeps it busy, so that it answers nobody", "SCRIPT KILL (FUNCTION KILL) ends what wrote nothing yet"
    ),
    "MISCONF": ErrorCause(
        "it refuses writes, since it can't save its data", "is its disk full or read-only? its log says more"
    ),
    "MASTERDOWN": ErrorCause(
        "it has lost its master, and gives no stale data", "bring its master or the link to it back"
    ),
    "CLUSTERDOWN": ErrorCause(
        "its cluster is down", "redis-cli --cluster check HOST:PORT says which slots nobody serves"
    ),
    "READONLY": ErrorCause("it is a replica and takes no writes", "ask the master: sentinels name it"),
    "NOREPLICAS": ErrorCause("it refuses writes, since too few replicas follow it", "bring its replicas back"),
    "OOM": ErrorCause("its memory is full, and it refuses writes", "raise maxmemory, or delete or expire keys"),
    "DENIED": ErrorCause(
        "protected mode: it talks to its own host only",
        "give it a password (requirepass), or set bind and protected-mode no",
    ),
    "MOVED": ErrorCause("another node of its cluster has the key", "ask a client for clusters"),
}
FULL_OF_CLIENTS = ErrorCause(
    "it has as many clients as it takes (maxclients)", "find who leaks connections (CLIENT LIST), or raise maxclients"
)
ANSWERS_NOTHING = frozenset({"BUSY", "DENIED"})
"""Codes after which every other question would be refused likewise."""
SYSTEM = {
    errno.ECONNREFUSED: "nobody listens there: is it started, and is it the right host and port?",
    errno.ENOENT: "there is no such Unix socket: is it started, and is unixsocket set?",
    errno.EACCES: "the Unix socket's group or mode (unixsocketperm) keeps this user out",
    errno.EHOSTUNREACH: "no way leads there: network, routes, VPN?",
    errno.ENETUNREACH: "no way leads there: network, routes, VPN?",
    errno.ECONNRESET: f"it hung up: protected mode, a firewall, or another protocol; {PORT_HINT}",
}
CERTIFICATES = {
    9: "its certificate is not valid yet",
    10: "its certificate has expired",
    18: "its certificate is self-signed",
    19: "its certificate's chain ends in one that is not trusted here",
    20: "nobody that is trusted here vouches for its certificate",
    62: "its certificate is for another host name",
    64: "its certificate is for another address",
}
CA_HINT = "name who vouches for it: --ca-file FILE, ?ssl_ca_certs=FILE"
HOST_HINT = "ask for it by a name that is in its certificate, or --no-check-hostname, ?ssl_check_hostname=false"


KINDS: tuple[tuple[tuple[type[BaseException], ...], ErrorCause], ...] = (
    ((AuthenticationError, AuthenticationWrongNumberOfArgsError), CODES["WRONGPASS"]),
    (
        (RedisTimeoutError, TimeoutError),
        ErrorCause(
            f"no answer within {ANSWER_SECONDS:.0f} s",
            "does it hang, or a firewall swallow the way to it? A server without TLS (redis://) says nothing to TLS",
        ),
    ),
    ((InvalidResponse,), ErrorCause("what listens there does not talk like Redis", PORT_HINT)),
)
UNEXPECTED_FORM = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)
"""Raised by redis-py, and here, where an answer has another form than expected."""
UNEXPECTED_ANSWER = ErrorCause(
    "its answer has another form than Redis gives it", "is it Redis, and of a version that is still kept?"
)


def code_of(error: BaseException) -> str:
    """Return the code of an error reply; "" where the error is none, or the reply has no code of its own."""
    if not isinstance(error, RedisError):
        return ""
    if error.status_code:
        return str(error.status_code)
    found = CODE.match(str(error)) if isinstance(error, ResponseError) else None
    return "" if found is None or found[0] == "ERR" else found[0]


def explain(error: BaseException) -> ErrorCause:
    """Return the cause of an error."""
    if (known := CODES.get(code_of(error))) is not None:
        return known
    for kinds, cause in KINDS:
        if isinstance(error, kinds):
            return cause
    if isinstance(error, RedisConnectionError) and error.status_code == "ERR":
        # The only error without a code of its own that redis-py takes for one of the connection.
        return FULL_OF_CLIENTS
    if (system := _system_error(error)) is not None:
        return _of_system(system)
    if isinstance(error, RedisConnectionError):
        return ErrorCause(_words(error), f"it hung up: {PORT_HINT}")
    return UNEXPECTED_ANSWER if isinstance(error, UNEXPECTED_FORM) else ErrorCause(_words(error))


def _of_system(error: OSError) -> ErrorCause:
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = CERTIFICATES.get(error.verify_code, f"its certificate is not accepted: {error.verify_message}")
        return ErrorCause(reason, HOST_HINT if error.verify_code in {62, 64} else CA_HINT)
    if isinstance(error, ssl.SSLError):
        if error.reason in {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"}:
            return ErrorCause("it talks without TLS there", "is it the right port? Without TLS: redis://, no --tls")
        if error.reason and "CERTIFICATE" in error.reason:
            return ErrorCause(
                "it wants a certificate of ours",
                "--cert-file FILE --key-file FILE, ?ssl_certfile=FILE&ssl_keyfile=FILE",
            )
        return ErrorCause(f"no TLS connection: {(error.reason or 'it hung up').lower().replace('_', ' ')}", PORT_HINT)
    if isinstance(error, socket.gaierror):
        return ErrorCause(
            "its name is not known here", "is it written right, and known to this host's resolver (DNS, /etc/hosts)?"
        )
    reason = error.strerror.lower() if error.strerror else str(error)
    return ErrorCause(reason, SYSTEM.get(error.errno or 0, WAY_HINT))


def _words(error: BaseException) -> str:
    code = f"{error.status_code} " if isinstance(error, RedisError) and error.status_code else ""
    text = str(error).strip() or type(error).__name__
    return masked(f"{code}{text.splitlines()[0]}")[:200]


def _system_error(error: BaseException) -> OSError | None:
    seen: list[BaseException] = []
    found: BaseException | None = error
    while found is not None and found not in seen:
        if isinstance(found, OSError):
            return found
        seen.append(found)
        found = found.__cause__ or found.__context__
    return None
