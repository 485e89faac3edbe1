"""The three ways of having a platform to test: given stores, a running stack, or everything embedded."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import httpx

CHECKOUT = Path(__file__).parents[2]
DEFAULT_AI_ENGINE = "http://127.0.0.1:8010"
DEFAULT_BACKEND = "http://127.0.0.1:8020"


class Way(Enum):
    """How the platform is had; the value is what the test report says."""

    GIVEN = "services as processes, on the PostgreSQL of DATABASE_URL and the Redis of REDIS_URL"
    STACK = "a running stack, through its load balancer"
    EMBEDDED = "services as processes, on a PostgreSQL and a Redis embedded from wheels"


@dataclass(frozen=True)
class StackAddress:
    """Where a running stack answers, and the folder of its backend's secrets."""

    ai_engine: str
    backend: str
    secrets: Path


def choose(environ: Mapping[str, str]) -> Way:
    """The way that `environ` asks for, else a running stack (unless OPTIMUS_E2E_STACK=0), else embedded."""
    if environ.get("DATABASE_URL") and environ.get("REDIS_URL"):
        return Way.GIVEN
    asked = environ.get("OPTIMUS_E2E_STACK", "")
    if asked == "1" or (environ.get("AI_ENGINE_URL") and environ.get("BACKEND_ORCHESTRATOR_URL")):
        return Way.STACK
    if asked != "0" and is_running(stack_address(environ)):
        return Way.STACK
    return Way.EMBEDDED


def stack_address(environ: Mapping[str, str]) -> StackAddress:
    """Where a stack would be."""
    ports = {name: environ.get(name) for name in ("AI_ENGINE_PORT", "BACKEND_ORCHESTRATOR_PORT")}
    ai_engine = f"http://127.0.0.1:{ports['AI_ENGINE_PORT']}" if ports["AI_ENGINE_PORT"] else DEFAULT_AI_ENGINE
    backend_port = ports["BACKEND_ORCHESTRATOR_PORT"]
    backend = f"http://127.0.0.1:{backend_port}" if backend_port else DEFAULT_BACKEND
    folder = Path(environ.get("OPTIMUS_SECRETS_DIR") or CHECKOUT / ".optimus" / "secrets")
    return StackAddress(
        environ.get("AI_ENGINE_URL") or ai_engine,
        environ.get("BACKEND_ORCHESTRATOR_URL") or backend,
        folder / "backend-orchestrator",
    )


def is_running(stack: StackAddress) -> bool:
    """Whether a stack with those secrets answers there: it knows the first tenant's key."""
    key = read_secrets(stack.secrets).get("TENANT_ACME_API_KEY")
    if key is None:
        return False
    try:
        models = httpx.get(f"{stack.ai_engine}/v1/models", headers={"Authorization": f"Bearer {key}"}, timeout=3)
        health = httpx.get(f"{stack.backend}/health", timeout=3)
    except httpx.HTTPError:
        return False
    return models.is_success and health.is_success


def read_secrets(folder: Path) -> dict[str, str]:
    """The secrets of a folder that may be read; empty if it may not."""
    try:
        return {path.name: path.read_text().strip() for path in folder.iterdir() if path.is_file()}
    except OSError:
        return {}


def chosen() -> Way:
    """The way of this process's environment, looked for once."""
    remembered = os.environ.get("OPTIMUS_E2E_WAY")
    if remembered is None:
        # In the environment, so that the hooks and the fixtures of one run agree whatever starts or stops meanwhile.
        remembered = os.environ["OPTIMUS_E2E_WAY"] = choose(os.environ).name
    return Way[remembered]
