"""Settings from the environment, checked once at the start."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from optimus_kit.redis_url import RedisUrlError, Tls, parse_redis_url
from optimus_kit.secrets import SecretFolder

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off"})
TLS_FILES = ("REDIS_TLS_CA_FILE", "REDIS_TLS_CERT_FILE", "REDIS_TLS_KEY_FILE")
LOG_LEVELS = ("debug", "info", "warning", "error", "critical")


class SettingsError(ValueError):
    """A setting cannot be used. The message names the variable, what it holds and what it may hold."""


def env_float(environ: Mapping[str, str], name: str, default: float, low: float, high: float) -> float:
    """Return the number in variable `name`, or `default` when it is unset or empty.

    Raises:
        SettingsError: not a number, or outside `low`..`high` (both included).
    """
    text = environ.get(name, "").strip()
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        raise SettingsError(f"{name}={text!r}: a number from {low:g} to {high:g} is wanted") from None
    if not low <= value <= high:
        raise SettingsError(f"{name}={text!r}: must be from {low:g} to {high:g}")
    return value


def env_int(environ: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    """Return the whole number in variable `name`, or `default` when it is unset or empty.

    Raises:
        SettingsError: not a whole number, or outside `low`..`high` (both included).
    """
    text = environ.get(name, "").strip()
    if not text:
        return default
    try:
        value = int(text)
    except ValueError:
        raise SettingsError(f"{name}={text!r}: a whole number from {low} to {high} is wanted") from None
    if not low <= value <= high:
        raise SettingsError(f"{name}={text!r}: must be from {low} to {high}")
    return value


def env_bool(environ: Mapping[str, str], name: str, default: bool) -> bool:
    """Return the switch in variable `name` (true/false, yes/no, on/off, 1/0), or `default` when it is unset or empty.

    Raises:
        SettingsError: anything else.
    """
    text = environ.get(name, "").strip().lower()
    if not text:
        return default
    if text in TRUE:
        return True
    if text in FALSE:
        return False
    raise SettingsError(f"{name}={text!r}: true or false is wanted")


@dataclass(frozen=True)
class Durability:
    """When a write counts.

    Args:
        replicas: how many have to have it; 0 asks none.
        seconds: how long they are waited for.
    """

    replicas: int = 0
    seconds: float = 0.5


AT_ONCE = Durability()


@dataclass(frozen=True)
class RedisSettings:
    """Where the state store is. Passwords are never part of this: they come from the secret REDIS_PASSWORD.

    Args:
        url: redis://host:port/db, used unless Sentinel mode is on.
        username: the user there; None for the default one.
        sentinel_enabled: ask the sentinels for the master instead.
        sentinel_master: the name under which the sentinels know the master.
        sentinel_hosts: (host, port) of each sentinel.
        sentinel_username: the user at the sentinels.
        tls: of the servers that the sentinels name; None without. For `url` the scheme and its options say it.
        sentinel_tls: of the sentinels themselves.
        deadline: seconds that a command may take with sentinels, a fail-over included.
        durability: what is asked of writes that must not be lost.
    """

    url: str = "redis://redis:6379/0"
    sentinel_enabled: bool = False
    sentinel_master: str = "mymaster"
    sentinel_hosts: tuple[tuple[str, int], ...] = ()
    username: str | None = None
    sentinel_username: str | None = None
    tls: Tls | None = None
    sentinel_tls: Tls | None = None
    deadline: float = 4.5
    durability: Durability = AT_ONCE

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "RedisSettings":
        """Read REDIS_URL, REDIS_USERNAME, REDIS_DEADLINE, and the REDIS_SENTINEL_, REDIS_TLS and REDIS_WAIT_ variables.

        Unless it is told, it asks a replica for what must not be lost where there are sentinels, else nobody.

        Raises:
            SettingsError: a malformed value, or Sentinel mode without hosts.
        """
        enabled = env_bool(environ, "REDIS_SENTINEL_ENABLED", default=False)
        hosts = parse_hosts(environ.get("REDIS_SENTINEL_HOSTS", ""), "REDIS_SENTINEL_HOSTS", 26379)
        tls, sentinel_tls = _redis_tls(environ)
        if enabled and not hosts:
            raise SettingsError("REDIS_SENTINEL_ENABLED is on but REDIS_SENTINEL_HOSTS names no host")
        return cls(
            url=_redis_url(environ, "REDIS_URL", cls.url),
            sentinel_enabled=enabled,
            sentinel_master=environ.get("REDIS_SENTINEL_MASTER", "").strip() or cls.sentinel_master,
            sentinel_hosts=hosts,
            username=environ.get("REDIS_USERNAME", "").strip() or None,
            sentinel_username=environ.get("REDIS_SENTINEL_USERNAME", "").strip() or None,
            tls=tls,
            sentinel_tls=sentinel_tls,
            deadline=env_float(environ, "REDIS_DEADLINE", cls.deadline, 0.1, 600),
            durability=Durability(
                env_int(environ, "REDIS_WAIT_REPLICAS", int(enabled), 0, 100),
                env_float(environ, "REDIS_WAIT_SECONDS", Durability.seconds, 0.001, 60),
            ),
        )


def parse_hosts(text: str, name: str, default_port: int) -> tuple[tuple[str, int], ...]:
    """Parse `host:port,host:port` (a port left out is `default_port`; `[v6]:port` for IPv6 addresses).

    Raises:
        SettingsError: naming the variable `name` and the entry that cannot be read.
    """
    return tuple(_host(entry.strip(), name, default_port) for entry in text.split(",") if entry.strip())


def _host(entry: str, name: str, default_port: int) -> tuple[str, int]:
    host, separator, port = entry.rpartition(":")
    if not separator or port.endswith("]"):
        host, port = entry, str(default_port)
    host = host.removeprefix("[").removesuffix("]")
    if not host or not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65536:
        raise SettingsError(f"{name}: {entry!r} is not host:port")
    return host, int(port)


def _redis_url(environ: Mapping[str, str], name: str, default: str) -> str:
    url = environ.get(name, "").strip() or default
    try:
        tls = parse_redis_url(url).tls
        if tls:
            tls.check_files()
    except RedisUrlError as error:
        # Never the URL itself: it may hold a password.
        raise SettingsError(f"{name}: {error.message}: {error.hint}") from error
    return url


def _redis_tls(environ: Mapping[str, str]) -> tuple[Tls | None, Tls | None]:
    """Return how the servers that sentinels name are reached over TLS, and how the sentinels; None without TLS."""
    servers = env_bool(environ, "REDIS_TLS", default=False)
    sentinels = env_bool(environ, "REDIS_SENTINEL_TLS", default=servers)
    given = {name: environ.get(name, "").strip() for name in TLS_FILES}
    named = next((name for name, file in given.items() if file), "")
    if not servers and not sentinels:
        if named:
            raise SettingsError(f"{named} goes with REDIS_TLS=true; in REDIS_URL use rediss://…?ssl_ca_certs=FILE")
        return None, None
    ca_file, cert_file, key_file = given.values()
    if key_file and not cert_file:
        raise SettingsError("REDIS_TLS_KEY_FILE goes with REDIS_TLS_CERT_FILE")
    check = env_bool(environ, "REDIS_TLS_CHECK_HOSTNAME", default=True)
    tls = Tls(ca_file, cert_file, key_file, check_hostname=check)
    try:
        tls.check_files()
    except RedisUrlError as error:
        raise SettingsError(f"{named}: {error.message}: {error.hint}") from error
    return tls if servers else None, tls if sentinels else None


@dataclass(frozen=True)
class ServiceSettings:
    """What every service is told. Times are in seconds, sizes in bytes."""

    service: str
    port: int
    host: str = "0.0.0.0"  # noqa: S104 - a container listens to its network; what is published is Compose's decision
    web_concurrency: int = 1
    drain_delay: float = 3.0
    drain_timeout: float = 60.0
    log_level: str = "info"
    secrets: SecretFolder = field(default_factory=lambda: SecretFolder(Path("/run/secrets")))
    tenants_file: Path = Path("/etc/optimus/tenants.yaml")
    redis: RedisSettings = RedisSettings()
    redis_cache_url: str = "redis://redis-cache:6379/0"
    max_body_bytes: int = 1 << 20
    max_inflight: int = 0
    """Requests served at once by one process; more are answered 503 at once. 0: no bound."""
    hostname: str = "localhost"
    version: str = "dev"

    @classmethod
    def from_env(cls, environ: Mapping[str, str], *, service: str, port: int) -> "ServiceSettings":
        """Read the settings of service `service`; `port` is its port unless PORT says otherwise.

        Raises:
            SettingsError: a value that cannot be used.
        """
        level = environ.get("LOG_LEVEL", "").strip().lower() or cls.log_level
        if level not in LOG_LEVELS:
            raise SettingsError(f"LOG_LEVEL={level!r}: must be one of {', '.join(LOG_LEVELS)}")
        return cls(
            service=service,
            port=env_int(environ, "PORT", port, 0, 65535),
            host=environ.get("HOST", "").strip() or cls.host,
            web_concurrency=env_int(environ, "WEB_CONCURRENCY", cls.web_concurrency, 1, 64),
            drain_delay=env_float(environ, "DRAIN_DELAY", cls.drain_delay, 0, 600),
            drain_timeout=env_float(environ, "DRAIN_TIMEOUT", cls.drain_timeout, 0, 86400),
            log_level=level,
            secrets=SecretFolder(Path(environ.get("SECRETS_DIR", "").strip() or "/run/secrets")),
            tenants_file=Path(environ.get("TENANTS_FILE", "").strip() or cls.tenants_file),
            redis=RedisSettings.from_env(environ),
            redis_cache_url=_redis_url(environ, "REDIS_CACHE_URL", cls.redis_cache_url),
            max_body_bytes=env_int(environ, "MAX_BODY_BYTES", cls.max_body_bytes, 1024, 1 << 30),
            max_inflight=env_int(environ, "MAX_INFLIGHT", cls.max_inflight, 0, 1_000_000),
            hostname=environ.get("HOSTNAME", "").strip() or socket.gethostname(),
            version=environ.get("SERVICE_VERSION", "").strip() or cls.version,
        )
