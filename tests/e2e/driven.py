"""The platform under test, whichever way it is had."""

import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from tests.e2e.processes import Launcher, Service
from tests.e2e.stores import embedded_database, embedded_redis, own_database, own_redis
from tests.e2e.ways import CHECKOUT, Way, read_secrets, stack_address

PATIENCE = 30.0
QUEUE_ATTEMPTS = 3
NUMBERS = {"acme": "100000000000001", "globex": "100000000000002"}
# `frugal` may ask twice in a row; `mindful` is answered with what is remembered; `stranger` is known to the backend and
# to nobody behind it.
TENANTS: Mapping[str, Mapping[str, object]] = {
    "acme": {"requests_per_minute": 600_000, "concurrent_requests": 512, "whatsapp_phone_number_id": NUMBERS["acme"]},
    "globex": {"requests_per_minute": 600_000, "whatsapp_phone_number_id": NUMBERS["globex"]},
    "frugal": {"requests_per_minute": 1, "burst": 2},
    "mindful": {"requests_per_minute": 600_000, "recall": True},
    "stranger": {"requests_per_minute": 600_000},
}

Found = TypeVar("Found")


@dataclass(frozen=True)
class Platform:
    """Addresses and secrets.

    Attributes:
        ai_engines: one per replica that can be told apart; through a balancer its address, twice.
        backend: the backend-orchestrator.
        secrets: by name, as the backend has them.
    """

    ai_engines: tuple[str, ...]
    backend: str
    secrets: Mapping[str, str]

    def bearer(self, tenant: str) -> dict[str, str]:
        """The header that says who asks."""
        return {"Authorization": f"Bearer {self.secrets[f'TENANT_{tenant.upper()}_API_KEY']}"}


@dataclass(frozen=True)
class OwnPlatform(Platform):
    """A platform of processes of this run, which tests may start and end."""

    memory: str
    database: str
    redis_url: str
    launcher: Launcher
    services: tuple[Service, ...]


@contextmanager
def platform(way: Way) -> Iterator[Platform]:
    """The platform, until the block ends."""
    if way is Way.STACK:
        stack = stack_address(os.environ)
        yield Platform((stack.ai_engine, stack.ai_engine), stack.backend, read_secrets(stack.secrets))
        return
    with own_platform(way) as own:
        yield own


@contextmanager
def own_platform(way: Way, **environ: str) -> Iterator[OwnPlatform]:
    """A platform of processes of this run, with further variables of theirs, until the block ends."""
    with ExitStack() as things:
        yield _own(way, things, environ)


def _own(way: Way, things: ExitStack, environ: Mapping[str, str]) -> OwnPlatform:
    folder = Path(things.enter_context(TemporaryDirectory(prefix="optimus-e2e-")))
    given = way is Way.GIVEN
    server = os.environ["DATABASE_URL"] if given else things.enter_context(embedded_database())
    database = things.enter_context(own_database(server))
    redis_url = things.enter_context(own_redis(os.environ["REDIS_URL"]) if given else embedded_redis())
    known = _write_configuration(folder)
    launcher = Launcher(folder, _environ(folder, redis_url) | dict(environ))

    def start(package: str, name: str, *arguments: str, **own: str) -> Service:
        folder_of = "inner" if package != "backend_orchestrator" else "outer"
        return things.enter_context(
            launcher.running(package, name, *arguments, SECRETS_DIR=str(folder / folder_of), **own)
        )

    memory = start("memory_engine", "memory-engine-1", DATABASE_URL=database, RUN_MIGRATIONS="true")
    engines = [start("ai_engine", f"ai-engine-{n}", MEMORY_ENGINE_URL=memory.url) for n in (1, 2)]
    backend = start("backend_orchestrator", "backend-orchestrator-1", "serve")
    worker = start("backend_orchestrator", "orchestrator-worker-1", "worker", AI_ENGINE_URL=engines[0].url)
    services = (memory, *engines, backend, worker)
    # All are told to end before any is waited for.
    things.callback(_tell_to_end, services)
    for service in services:
        service.wait_until_up()
    urls = tuple(engine.url for engine in engines)
    return OwnPlatform(urls, backend.url, known, memory.url, database, redis_url, launcher, services)


def _tell_to_end(services: tuple[Service, ...]) -> None:
    for service in services:
        service.process.terminate()


def _environ(folder: Path, redis_url: str) -> dict[str, str]:
    return {
        "TENANTS_FILE": str(folder / "tenants.yaml"),
        "SECRETS_DIR": str(folder / "outer"),
        "PROMPTS_DIR": str(folder / "prompts"),
        "REDIS_URL": redis_url,
        "REDIS_CACHE_URL": redis_url,
        # No balancer has to notice, so that ends are quick.
        "DRAIN_DELAY": "0.3",
        "DRAIN_TIMEOUT": "20",
        "QUEUE_MAX_ATTEMPTS": str(QUEUE_ATTEMPTS),
        "QUEUE_BACKOFF": "0.05",
        "QUEUE_CLAIM_IDLE_MS": "1500",
    }


def _write_configuration(folder: Path) -> dict[str, str]:
    """The tenants file, the prompts, and the secrets as the services get them; returns those of the backend."""
    (folder / "tenants.yaml").write_text(json.dumps({"tenants": TENANTS}))
    shutil.copytree(CHECKOUT / "config" / "prompts", folder / "prompts")
    names = [f"TENANT_{tenant.upper()}_API_KEY" for tenant in TENANTS]
    names += ["DASHBOARD_TOKEN", "SESSION_SIGNING_KEY", "WHATSAPP_VERIFY_TOKEN", "WHATSAPP_APP_SECRET"]
    made = {name: secrets.token_urlsafe(24) for name in names}
    for audience in ("outer", "inner"):
        (folder / audience).mkdir()
        for name, value in made.items():
            if audience == "outer" or name != "TENANT_STRANGER_API_KEY":
                (folder / audience / name).write_text(value)
    return made


def until(look: Callable[[], Found | None]) -> Found:
    """What `look` finds, as soon as it finds something.

    Raises:
        AssertionError: it found nothing for `PATIENCE` seconds.
    """
    ends_at = time.monotonic() + PATIENCE
    while time.monotonic() < ends_at:
        found = look()
        if found is not None:
            return found
        time.sleep(0.05)
    raise AssertionError(f"nothing found for {PATIENCE:.0f} s")
