"""Strict parser of Redis URLs.

redis-py ignores what it can't parse, and then uses localhost, database 0 or no TLS. Here everything has a meaning or is
refused, and no message holds a part of the URL that may be secret.

The library and the services don't import each other, so this file exists twice: `optimus_ops.redis.redis_url` and
`optimus_kit.redis_url`. A test keeps them identical.

Schemes: https://www.iana.org/assignments/uri-schemes/prov/redis and /rediss; options named as in redis-py.
"""

from __future__ import annotations

import ipaddress
import re
import ssl
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

DEFAULT_PORT = 6379
EXAMPLES = "as in redis://HOST:6379/0, rediss://USER@HOST:6380 or unix:///PATH?db=0"
HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]|\.(?!\.))*")
"""Underscores are no part of host names, but of service names."""
NUMBERS = re.compile(r"(?:.*\.)?(?:[0-9]+|0[xX][0-9A-Fa-f]*)\.?")
"""What a resolver takes for an IPv4 address, as in `6379` (0.0.24.235)."""
OPTION = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,40}")
SWITCHES = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
TLS_OPTIONS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs", "ssl_check_hostname")
KNOWN_HINT = f"known are db and, for rediss://, {', '.join(TLS_OPTIONS)}"
UNKNOWN_HINTS = {
    **dict.fromkeys(
        ("user", "username", "pass", "password", "auth"),
        "user and password stand before the host: redis://USER:PASSWORD@HOST",
    ),
    **dict.fromkeys(("ssl", "tls"), "rediss:// is with TLS, redis:// and unix:// are without"),
}


class RedisUrlError(ValueError):
    """A malformed or unsupported URL; the message holds no value of it."""

    def __init__(self, message: str, hint: str) -> None:
        """Keep what is wrong and what to do apart."""
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Tls:
    """Settings of a TLS connection; files are in PEM format."""

    ca_file: str = ""  # trusted CA certificates; "" for the machine's
    cert_file: str = ""  # client certificate
    key_file: str = ""  # its key; "" where it is in the same file
    verify: bool = True  # the server's certificate
    check_hostname: bool = True

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of redis-py's clients for it."""
        return {"ssl": True, **self.connection_arguments()}

    def connection_arguments(self) -> dict[str, Any]:
        """Return the arguments of redis-py's TLS connections for it."""
        return {
            "ssl_ca_certs": self.ca_file or None,
            "ssl_certfile": self.cert_file or None,
            "ssl_keyfile": self.key_file or None,
            "ssl_cert_reqs": "required" if self.verify else "none",
            "ssl_check_hostname": self.verify and self.check_hostname,
        }

    def check_files(self) -> None:
        """Read the files; raise `RedisUrlError` naming a wrong one, before the first connection."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if self.ca_file:
            _read_pem(self.ca_file, "CA certificates", lambda: context.load_verify_locations(self.ca_file))
        if self.cert_file:
            # A key with a password would be asked for on the terminal.
            chain = (self.cert_file, self.key_file or None, lambda: b"")
            name = f"{self.cert_file} {self.key_file}".strip()
            _read_pem(name, "certificate and key", lambda: context.load_cert_chain(*chain))


def _read_pem(name: str, what: str, load: Any) -> None:
    try:
        load()
    except ssl.SSLError as error:
        hint = "a key must be the certificate's and without a password"
        raise RedisUrlError(f"{name}: no {what} in PEM format", hint) from error
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        raise RedisUrlError(f"{name}: {reason}", f"name the file of the {what}") from error


@dataclass(frozen=True, slots=True)
class RedisUrl:
    """Address, database, login and TLS settings of a Redis server."""

    host: str = ""  # "" for a Unix socket
    port: int = DEFAULT_PORT
    path: str = ""  # of a Unix socket
    database: int = 0
    user: str = ""  # "" for the default user
    password: str = field(default="", repr=False)
    tls: Tls | None = None

    def arguments(self) -> dict[str, Any]:
        """Return redis-py's arguments for it, without the login."""
        if self.path:
            return {"unix_socket_path": self.path, "db": self.database}
        tls = self.tls.arguments() if self.tls else {}
        return {"host": self.host, "port": self.port, "db": self.database, **tls}


def parse_redis_url(text: str) -> RedisUrl:
    """Parse `redis(s)://[[USER][:PASSWORD]@]HOST[:PORT][/DATABASE]` or `unix://[…@]/PATH[?db=DATABASE]`.

    Raises:
        RedisUrlError: something in it is malformed, unknown, or given twice.
    """
    scheme, separator, rest = text.partition("://")
    scheme = scheme.lower()
    if not separator or scheme not in {"redis", "rediss", "unix"}:
        raise RedisUrlError("it must begin with redis://, rediss:// or unix://", EXAMPLES)
    _refuse_unencoded(rest)
    end = min(rest.find(sign) if sign in rest else len(rest) for sign in "/?")
    authority, (path, asked, query) = rest[:end], rest[end:].partition("?")
    if "@" in rest[end:]:
        hint = "in a password encode / as %2F and ? as %3F; elsewhere @ as %40"
        raise RedisUrlError("an @ comes after a / or ?", hint)
    login, at, place = authority.rpartition("@")
    if "@" in login:
        raise RedisUrlError("there are two @", "in a user's name or a password encode @ as %40")
    user, password = _login(login) if at else ("", "")
    options = _options(query) if asked else {}
    database = _number(options.pop("db", ""), "option db")
    tls = _tls(scheme, options)
    if scheme == "unix":
        return RedisUrl(path=_socket(place, path), database=database or 0, user=user, password=password)
    if path not in {"", "/"}:
        if database is not None:
            raise RedisUrlError("the database is named twice", "after the host, or by the option db")
        database = _number(path[1:], "database")
    host, port = _place(place)
    return RedisUrl(host, port, "", database or 0, user, password, tls)


def _refuse_unencoded(rest: str) -> None:
    if "#" in rest:
        raise RedisUrlError("it holds a #, at which a URL ends", "encode # as %23")
    if any(sign.isspace() or not sign.isprintable() for sign in rest):
        raise RedisUrlError("it holds a space or an unprintable character", "encode a space as %20")
    if re.search(r"%(?![0-9A-Fa-f]{2})", rest):
        raise RedisUrlError("it holds a % without two hexadecimal digits after it", "encode % as %25")


def _decoded(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError as error:
        raise RedisUrlError("what it encodes with % is no UTF-8", "encode the bytes of the text in UTF-8") from error


def _login(text: str) -> tuple[str, str]:
    user, colon, password = text.partition(":")
    if (colon and not password) or not text:
        raise RedisUrlError(f"the {'password' if colon else 'login'} before the @ is empty", "is a variable unset?")
    return _decoded(user), _decoded(password)


def _place(place: str) -> tuple[str, int]:
    if place.startswith("["):
        host, bracket, port = place[1:].partition("]")
        host = _decoded(host)
        if not bracket or not _is_ip(host, ipaddress.IPv6Address):
            raise RedisUrlError("what stands in brackets is no IPv6 address", "as in redis://[::1]:6379/0")
        return host, _port(port)
    host, colon, port = place.partition(":")
    if not host:
        raise RedisUrlError("it names no host", f"is a variable unset? {EXAMPLES}")
    if ":" in port:
        hint = "an IPv6 address stands in brackets: redis://[::1]:6379"
        raise RedisUrlError("there are several colons after the host", hint)
    if not HOST.fullmatch(host) or (NUMBERS.fullmatch(host) and not _is_ip(host, ipaddress.IPv4Address)):
        raise RedisUrlError("what stands in the host's place is no host name and no address", EXAMPLES)
    return host, _port(colon + port)


def _is_ip(text: str, kind: type[ipaddress.IPv4Address | ipaddress.IPv6Address]) -> bool:
    try:
        kind(text)
    except ValueError:
        return False
    return True


def _port(text: str) -> int:
    if not text:
        return DEFAULT_PORT
    if not re.fullmatch(":[0-9]{1,5}", text) or not 1 <= int(text[1:]) <= 65535:
        raise RedisUrlError("what stands in the port's place is no number from 1 to 65535", EXAMPLES)
    return int(text[1:])


def _number(text: str, what: str) -> int | None:
    if not text:
        return None
    if not re.fullmatch("[0-9]{1,9}", text):
        raise RedisUrlError(f"{what}: a whole number is wanted", EXAMPLES)
    return int(text)


def _socket(place: str, path: str) -> str:
    if place or len(path) < 2 or "\0" in (decoded := _decoded(path)):
        raise RedisUrlError("it names no path of a Unix socket", "with three slashes, as in unix:///run/redis.sock")
    return decoded


def _options(query: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in query.split("&"):
        name, _equals, value = pair.partition("=")
        if not OPTION.fullmatch(name):
            raise RedisUrlError("what follows the ? is no NAME=VALUE", "in a password encode ? as %3F")
        if name not in {"db", *TLS_OPTIONS}:
            raise RedisUrlError(f"option {name} is not known", UNKNOWN_HINTS.get(name, KNOWN_HINT))
        if name in found:
            raise RedisUrlError(f"option {name} is there twice", "name it once")
        if not value:
            raise RedisUrlError(f"option {name} is empty", "is a variable unset?")
        found[name] = _decoded(value)
    return found


def _tls(scheme: str, options: dict[str, str]) -> Tls | None:
    if scheme != "rediss":
        for name in options:
            raise RedisUrlError(f"option {name} goes with rediss://", "redis:// and unix:// are without TLS")
        return None
    if "ssl_keyfile" in options and "ssl_certfile" not in options:
        raise RedisUrlError("option ssl_keyfile needs ssl_certfile", "name the certificate too")
    verify = options.get("ssl_cert_reqs", "required").lower()
    if verify not in {"required", "none"}:
        hint = "required verifies the server's certificate"
        raise RedisUrlError("option ssl_cert_reqs: required or none is wanted", hint)
    check = options.get("ssl_check_hostname", "true").lower()
    if check not in SWITCHES:
        raise RedisUrlError("option ssl_check_hostname: true or false is wanted", "true is the default")
    ca_file, cert_file, key_file = (options.get(name, "") for name in ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile"))
    return Tls(ca_file, cert_file, key_file, verify == "required", SWITCHES[check])
