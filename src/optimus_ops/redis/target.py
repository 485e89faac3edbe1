"""What to look at, as it was asked for: a stack of Compose, a URL, or sentinels."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from optimus_ops.errors import Refused
from optimus_ops.redis.client import NO_CREDENTIALS, Credentials
from optimus_ops.redis.model import Address
from optimus_ops.redis.redis_url import RedisUrl, RedisUrlError, Tls, parse_redis_url
from optimus_ops.secrets import store
from optimus_ops.secrets.value import Secret

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optimus_ops.redis.model import Purpose

ENDPOINT = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9._-]+))(?::(?P<port>[0-9]{1,5}))?")
SENTINEL_PORT = 26379


@dataclass(frozen=True, slots=True)
class Flags:
    """What was given on the command line, as text; "" stands for not given.

    Args:
        url: `redis(s)://…` of one server.
        sentinels: `HOST:PORT` of sentinels.
        master: the name by which they know the master.
        user: ACL user of servers and sentinels.
        password_file: file that holds its password.
        role: what a server of --url or --sentinel is for: state or cache.
        sentinel_user: ACL user of the sentinels, where it is another one.
        sentinel_password_file: file that holds the sentinels' password, where it is another one.
        tls: who is reached over TLS: all, servers or sentinels.
        ca_file: certificates of those who may vouch for them.
        cert_file: our own certificate.
        key_file: its key.
        check_hostname: whether certificates must be for the address that is asked.
    """

    url: str = ""
    sentinels: tuple[str, ...] = ()
    master: str = ""
    user: str = ""
    password_file: str = ""
    role: str = ""
    sentinel_user: str = ""
    sentinel_password_file: str = ""
    tls: str = ""
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    check_hostname: bool = True


@dataclass(frozen=True, slots=True)
class Target:
    """What to look at.

    Args:
        url: one server; None if none was named.
        sentinels: sentinels; none if none were named. With neither, the stack of Compose is looked at.
        master: the name of the master; "" stands for the only one that the sentinels watch.
        login: whom to say that we are; None to take the operator's secrets.
        sentinel_login: likewise to sentinels; None for the same as to servers, or nobody where they want no login.
        purpose: what the servers are for.
    """

    url: RedisUrl | None = None
    sentinels: tuple[Address, ...] = ()
    master: str = ""
    login: Credentials | None = None
    sentinel_login: Credentials | None = None
    purpose: Purpose = "unknown"

    @property
    def outside(self) -> bool:
        """Whether it is something else than the stack of Compose, so that no engine is needed."""
        return self.url is not None or bool(self.sentinels)


def parse_flags(flags: Flags) -> Target:
    """Check what was given.

    Raises:
        Refused: something is malformed, or doesn't go together; no message holds a password.
    """
    if flags.url and flags.sentinels:
        raise Refused("--url names one server, --sentinel a group of them: give one or the other")
    if flags.master and flags.url:
        raise Refused("--master goes with --sentinel, not with --url")
    if flags.role not in {"", "state", "cache"}:
        raise Refused(f"--role {flags.role}: state or cache is wanted")
    if flags.role and not (flags.url or flags.sentinels):
        raise Refused("--role goes with --url or --sentinel; a stack's services say what they are for")
    if flags.role == "cache" and flags.sentinels:
        raise Refused("--role cache goes with --url: what sentinels watch is state")
    if flags.user and not flags.password_file:
        raise Refused("--user goes with --password-file FILE")
    login = Credentials(flags.user, read_password(Path(flags.password_file))) if flags.password_file else None
    url = parse_url(flags.url) if flags.url else None
    tls = read_tls(flags, url)
    if tls and flags.tls in {"all", "servers"}:
        login = replace(login or NO_CREDENTIALS, tls=tls)
    purpose: Purpose = "state" if flags.sentinels or flags.role == "state" else "unknown"
    return Target(
        url=replace(url, tls=tls) if url else None,
        sentinels=tuple(dict.fromkeys(parse_endpoint(text) for text in split(flags.sentinels))),
        master=flags.master,
        login=login,
        sentinel_login=_sentinel_login(flags, login, tls),
        purpose="cache" if flags.role == "cache" else purpose,
    )


def _sentinel_login(flags: Flags, login: Credentials | None, tls: Tls | None) -> Credentials | None:
    own = flags.sentinel_user or flags.sentinel_password_file
    if own and not flags.sentinels:
        raise Refused("--sentinel-user and --sentinel-password-file go with --sentinel")
    if flags.sentinel_user and not flags.sentinel_password_file:
        raise Refused("--sentinel-user goes with --sentinel-password-file FILE")
    if not flags.sentinels:
        return None
    tls = tls if flags.tls in {"all", "sentinels"} else None
    if not own:
        return replace(login or NO_CREDENTIALS, tls=tls)
    return Credentials(flags.sentinel_user, read_password(Path(flags.sentinel_password_file)), tls)


def read_tls(flags: Flags, url: RedisUrl | None) -> Tls | None:
    """Return how TLS connections are made; None without TLS. What a flag says goes before what the URL says.

    Raises:
        Refused: the flags don't go together, or a file can't be used.
    """
    files = {"--ca-file": flags.ca_file, "--cert-file": flags.cert_file, "--key-file": flags.key_file}
    named = [name for name, file in files.items() if file] + ["--no-check-hostname"] * (not flags.check_hostname)
    if flags.tls not in {"", "all", "servers", "sentinels"}:
        raise Refused(f"--tls {flags.tls}: all, servers or sentinels is wanted", "--tls alone stands for all")
    if flags.tls and not flags.sentinels:
        raise Refused("--tls goes with --sentinel", "one server is reached over TLS by --url rediss://HOST:PORT")
    given = (url.tls if url else None) or (Tls() if flags.tls else None)
    if given is None:
        if named:
            raise Refused(f"{named[0]} goes with TLS", "--sentinel HOST:PORT --tls, or --url rediss://HOST:PORT")
        return None
    if flags.key_file and not flags.cert_file:
        raise Refused("--key-file goes with --cert-file FILE")
    tls = Tls(
        flags.ca_file or given.ca_file,
        flags.cert_file or given.cert_file,
        flags.key_file if flags.cert_file else given.key_file,
        given.verify,
        given.check_hostname and flags.check_hostname,
    )
    try:
        tls.check_files()
    except RedisUrlError as error:
        raise Refused(error.message, error.hint) from error
    return tls


def parse_url(text: str) -> RedisUrl:
    """Read --url.

    Raises:
        Refused: it is malformed; the message has no part of it that may be a password.
    """
    try:
        return parse_redis_url(text)
    except RedisUrlError as error:
        raise Refused(f"--url: {error.message}", error.hint) from error


def split(texts: Sequence[str]) -> list[str]:
    """Return single endpoints: the flag may be given several times, and hold several separated by commas."""
    return [part.strip() for text in texts for part in text.split(",") if part.strip()]


def parse_endpoint(text: str) -> Address:
    """Read `HOST:PORT`, `HOST` (a sentinel's usual port) or `[IPv6]:PORT`.

    Raises:
        Refused: it is none.
    """
    match = ENDPOINT.fullmatch(text)
    port = int(match["port"] or SENTINEL_PORT) if match else 0
    if match is None or not 1 <= port <= 65535:
        raise Refused(f"--sentinel {text}: HOST:PORT is wanted", "as in --sentinel 10.0.0.1:26379")
    return Address(match["v6"] or match["host"], port)


def read_password(path: Path) -> Secret:
    """Return the password that a file holds; a newline at its end is not part of it.

    Raises:
        Refused: there is no such file, it can't be read, or it is empty.
    """
    found = store.read(path)
    if found is None:
        raise Refused(
            f"there is no file {path}", "--password-file names a file that holds the password and nothing else"
        )
    password = found.content.reveal().removesuffix("\n").removesuffix("\r")
    if not password or "\n" in password:
        raise Refused(f"{path.name} does not hold a password on one line")
    return Secret(password)
