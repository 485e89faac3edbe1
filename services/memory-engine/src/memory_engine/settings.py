"""What memory-engine is told from outside: its database and its embeddings, on top of what every service shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from memory_engine.logins import USERS, Login, login_reader
from optimus_kit.secrets import SecretFolder
from optimus_kit.settings import ServiceSettings, SettingsError, env_bool, env_float, env_int

SERVICE = "memory-engine"
PORT = 8050
DIMENSIONS = 384
"""Length of every embedding; the database column has the same."""

PROVIDERS = ("embedded", "openai")


@dataclass(frozen=True)
class DatabaseSettings:
    """Where the database is and how many connections one worker process may hold.

    Attributes:
        conninfo: libpq connection string of the service's own login, password included (never shown).
        login_user: whose password the secret of the login is, unless that names its user itself; None where the
            operator's own connection string is used, whose login stays.
        owner_conninfo: the same for the login that owns the schema; only migrations use it.
        pool_size: connections kept open by one worker process.
        max_overflow: connections it may open beyond these under load. The database sees at most
            `replicas x WEB_CONCURRENCY x (pool_size + max_overflow)` of them.
        pool_timeout: seconds a request waits for a free connection before it is told to come back.
        statement_timeout: seconds one statement may take.
        ef_search: how many candidates an HNSW search keeps: more find more of the true neighbours and take longer.
        wait: seconds migrations wait for the database, and for another run of them, before they give up.
    """

    conninfo: str = field(repr=False)
    owner_conninfo: str = field(repr=False)
    login_user: str | None = None
    pool_size: int = 5
    max_overflow: int = 10
    pool_timeout: float = 5.0
    statement_timeout: float = 10.0
    ef_search: int = 100
    wait: float = 60.0

    @property
    def budget(self) -> int:
        """Connections one worker process holds at most."""
        return self.pool_size + self.max_overflow


@dataclass(frozen=True)
class EmbeddingSettings:
    """Which embeddings are used.

    Attributes:
        provider: "embedded" (deterministic, offline) or "openai" (any OpenAI-compatible endpoint).
        base_url: root of the endpoint, with its version path ("https://host/v1"); only for "openai".
        model: name of the model; memories of different models are never compared with each other.
        timeout: seconds one call may take.
        request_dimensions: whether the endpoint understands the `dimensions` parameter.
    """

    provider: str = "embedded"
    base_url: str = ""
    model: str = ""
    timeout: float = 15.0
    request_dimensions: bool = True


@dataclass(frozen=True)
class MemorySettings:
    """Everything memory-engine is told, read once at the start."""

    service: ServiceSettings
    database: DatabaseSettings
    embeddings: EmbeddingSettings
    run_migrations: bool = False
    run_migrations_only: bool = False
    skip_bootstrap: bool = False

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> MemorySettings:
        """Read the settings from environment variables and the secrets folder.

        Raises:
            SettingsError: a value is missing or makes no sense; the message names it.
        """
        service = ServiceSettings.from_env(environ, service=SERVICE, port=PORT)
        return cls(
            service=service,
            database=_database(environ, service.secrets, service.hostname),
            embeddings=_embeddings(environ),
            run_migrations=env_bool(environ, "RUN_MIGRATIONS", default=False),
            run_migrations_only=env_bool(environ, "RUN_MIGRATIONS_ONLY", default=False),
            skip_bootstrap=env_bool(environ, "SKIP_STARTUP_BOOTSTRAP", default=False),
        )


def _database(environ: Mapping[str, str], secrets: SecretFolder, hostname: str) -> DatabaseSettings:
    pool_size = env_int(environ, "DB_POOL_SIZE", 5, 0, 1_000)
    max_overflow = env_int(environ, "DB_MAX_OVERFLOW", 10, 0, 1_000)
    if pool_size + max_overflow == 0:
        raise SettingsError("DB_POOL_SIZE and DB_MAX_OVERFLOW are both 0: the service would have no connection")
    url = environ.get("DATABASE_URL", "").strip()
    application = f"{SERVICE}@{hostname}"
    user = environ.get("DB_USER") or USERS[0]
    if url:
        conninfo = _with_defaults(url, application)
        owner_conninfo = _with_defaults(url, f"{application} migrations")
    else:
        conninfo = _login(environ, application, login_reader(secrets.get, user)() or Login(user, ""))
        owner = Login(environ.get("DB_OWNER_USER") or "optimus", secrets.get("POSTGRES_PASSWORD") or "")
        owner_conninfo = _login(environ, f"{application} migrations", owner)
    return DatabaseSettings(
        conninfo=conninfo,
        owner_conninfo=owner_conninfo,
        login_user=None if url else user,
        pool_size=pool_size,
        max_overflow=max_overflow,
        pool_timeout=env_float(environ, "DB_POOL_TIMEOUT", 5.0, 0.05, 600.0),
        statement_timeout=env_float(environ, "DB_STATEMENT_TIMEOUT", 10.0, 0.05, 600.0),
        ef_search=env_int(environ, "HNSW_EF_SEARCH", 100, 1, 1_000),
        wait=env_float(environ, "DB_WAIT", 60.0, 0.0, 3_600.0),
    )


def _with_defaults(url: str, application: str) -> str:
    """The operator's own connection string, completed by what it leaves open.

    Raises:
        SettingsError: it is not a connection string (its text is not repeated: it may hold a password).
    """
    try:
        given = conninfo_to_dict(url)
    except ProgrammingError:
        raise SettingsError(
            "DATABASE_URL is not a PostgreSQL connection string (postgresql://user@host/name)"
        ) from None
    return make_conninfo("", **(_CONNECTION_DEFAULTS | {"application_name": application} | given))


def _login(environ: Mapping[str, str], application: str, login: Login) -> str:
    return make_conninfo(
        "",
        host=environ.get("DB_HOST") or "postgres",
        port=env_int(environ, "DB_PORT", 5432, 1, 65_535),
        dbname=environ.get("DB_NAME") or "optimus",
        user=login.user,
        application_name=application,
        **({"password": login.password} if login.password else {}),
        **_CONNECTION_DEFAULTS,
    )


# A host that vanishes without closing its connections is noticed after about 10 s instead of after two hours.
_CONNECTION_DEFAULTS = {
    "connect_timeout": "3",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}


def _embeddings(environ: Mapping[str, str]) -> EmbeddingSettings:
    provider = environ.get("EMBEDDINGS_PROVIDER") or "embedded"
    if provider not in PROVIDERS:
        raise SettingsError(f"EMBEDDINGS_PROVIDER is {provider!r}; it may be {' or '.join(PROVIDERS)}")
    settings = EmbeddingSettings(
        provider=provider,
        base_url=environ.get("EMBEDDINGS_BASE_URL", "").rstrip("/"),
        model=environ.get("EMBEDDINGS_MODEL", ""),
        timeout=env_float(environ, "EMBEDDINGS_TIMEOUT", 15.0, 0.1, 300.0),
        request_dimensions=env_bool(environ, "EMBEDDINGS_REQUEST_DIMENSIONS", default=True),
    )
    if provider == "openai":
        if not settings.base_url.startswith(("http://", "https://")):
            raise SettingsError("EMBEDDINGS_PROVIDER=openai needs EMBEDDINGS_BASE_URL (http://… or https://…)")
        if not settings.model:
            raise SettingsError("EMBEDDINGS_PROVIDER=openai needs EMBEDDINGS_MODEL")
    return settings
