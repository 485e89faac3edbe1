"""Target of the Redis tasks, parsed from flags: a Compose stack, a URL, or sentinels."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from optimus_ops.errors import Refused
from optimus_ops.redis.client import NO_CREDENTIALS, Credentials
from optimus_ops.redis.nodes import Address, Purpose
from optimus_ops.redis.redis_url import RedisUrl, RedisUrlError, Tls, parse_redis_url
from optimus_ops.secrets import store
from optimus_ops.secrets.value import Secret

ENDPOINT = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9._-]+))(?::(?P<port>[0-9]{1,5}))?")
SENTINEL_PORT = 26379


@dataclass(frozen=True, slots=True)
class Flags:
    """Values of the flags, as text; "" stands for a flag that was not given."""

    url: str = ""
    sentinels: tuple[str, ...] = ()
    master: str = ""
    user: str = ""
    password_file: str = ""
    role: str = ""  # state or cache
    sentinel_user: str = ""
    sentinel_password_file: str = ""
    tls: str = ""  # all, servers or sentinels
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    check_hostname: bool = True


@dataclass(frozen=True, slots=True)
class Target:
    """A server or sentinels; without either, the stack of Compose."""

    url: RedisUrl | None = None
    sentinels: tuple[Address, ...] = ()
    master: str = ""  # "" stands for the only one that the sentinels monitor
    credentials: Credentials | None = None  # None: the operator's secrets
    sentinel_credentials: Credentials | None = None  # None: those of servers, or none where sentinels want none
    purpose: Purpose = "unknown"

    @property
    def outside(self) -> bool:
        """Whether it is outside of Compose, so that no engine is needed."""
        return self.url is not None or bool(self.sentinels)


def parse_flags(flags: Flags) -> Target:
    """Parse the flags; raise `Refused` where that can't be. No message holds a password."""
    _refuse_contradictions(flags)
    credentials = _credentials(flags.user, flags.password_file)
    url = _parse_url(flags.url) if flags.url else None
    tls = _parse_tls(flags, url)
    if tls and flags.tls in {"all", "servers"}:
        credentials = replace(credentials or NO_CREDENTIALS, tls=tls)
    state = bool(flags.sentinels) or flags.role == "state"
    return Target(
        url=replace(url, tls=tls) if url else None,
        sentinels=tuple(dict.fromkeys(parse_endpoint(text) for text in _split(flags.sentinels))),
        master=flags.master,
        credentials=credentials,
        sentinel_credentials=_sentinel_credentials(flags, credentials, tls),
        purpose="cache" if flags.role == "cache" else ("state" if state else "unknown"),
    )


def _refuse_contradictions(flags: Flags) -> None:
    sentinel_login = flags.sentinel_user or flags.sentinel_password_file
    for contradiction, message in (
        (flags.url and flags.sentinels, "--url names one server, --sentinel a group of them: give one or the other"),
        (flags.master and flags.url, "--master goes with --sentinel, not with --url"),
        (flags.role not in {"", "state", "cache"}, f"--role {flags.role}: state or cache is wanted"),
        (
            flags.role and not (flags.url or flags.sentinels),
            "--role goes with --url or --sentinel; a stack's services say what they are for",
        ),
        (flags.role == "cache" and flags.sentinels, "--role cache goes with --url: what sentinels watch is state"),
        (flags.user and not flags.password_file, "--user goes with --password-file FILE"),
        (sentinel_login and not flags.sentinels, "--sentinel-user and --sentinel-password-file go with --sentinel"),
        (
            flags.sentinel_user and not flags.sentinel_password_file,
            "--sentinel-user goes with --sentinel-password-file FILE",
        ),
    ):
        if contradiction:
            raise Refused(message)


def _credentials(user: str, password_file: str) -> Credentials | None:
    return Credentials(user, read_password(Path(password_file))) if password_file else None


def _sentinel_credentials(flags: Flags, servers: Credentials | None, tls: Tls | None) -> Credentials | None:
    if not flags.sentinels:
        return None
    own = _credentials(flags.sentinel_user, flags.sentinel_password_file)
    return replace(own or servers or NO_CREDENTIALS, tls=tls if flags.tls in {"all", "sentinels"} else None)


def _parse_tls(flags: Flags, url: RedisUrl | None) -> Tls | None:
    """Return the settings of TLS, None without; flags take precedence over the URL."""
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


def _parse_url(text: str) -> RedisUrl:
    try:
        return parse_redis_url(text)
    except RedisUrlError as error:
        raise Refused(f"--url: {error.message}", error.hint) from error


def _split(texts: tuple[str, ...]) -> list[str]:
    return [part.strip() for text in texts for part in text.split(",") if part.strip()]


def parse_endpoint(text: str) -> Address:
    """Parse `HOST:PORT`, `HOST` (a sentinel's usual port) or `[IPv6]:PORT`; raise `Refused` where it is malformed."""
    match = ENDPOINT.fullmatch(text)
    port = int(match["port"] or SENTINEL_PORT) if match else 0
    if match is None or not 1 <= port <= 65535:
        raise Refused(f"--sentinel {text}: HOST:PORT is wanted", "as in --sentinel 10.0.0.1:26379")
    return Address(match["v6"] or match["host"], port)


def read_password(path: Path) -> Secret:
    """Return the one line of a file; raise `Refused`, without its content, if it is missing or has another form."""
    found = store.read(path)
    if found is None:
        raise Refused(f"{path} is missing", "--password-file names a file that holds the password and nothing else")
    password = found.content.reveal().removesuffix("\n").removesuffix("\r")
    if not password or "\n" in password:
        raise Refused(f"{path.name} does not hold a password on one line")
    return Secret(password)
