"""What the orchestrator and its worker are told by their environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from backend_orchestrator.consumer import KEPT_BYTES
from backend_orchestrator.intake import IntakeLimits
from backend_orchestrator.retry import RetryPolicy
from backend_orchestrator.worker import WorkerOptions
from optimus_kit.prompts import PromptLibrary
from optimus_kit.settings import ServiceSettings, SettingsError, env_float, env_int

SERVICE = "backend-orchestrator"
WORKER = "orchestrator-worker"
PORT = 8020


@dataclass(frozen=True)
class OrchestratorSettings:
    """Settings of the HTTP service.

    Attributes:
        service: what every service is told.
        intake: bounds of the way in.
        max_sockets: dashboards open on one process at most.
        webhook_max_body_bytes: of a webhook's call; Meta puts up to 3 MB into one.
    """

    service: ServiceSettings
    intake: IntakeLimits
    max_sockets: int = 100
    webhook_max_body_bytes: int = 3 << 20

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "OrchestratorSettings":
        """Read them.

        Raises:
            SettingsError: a value that cannot be used.
        """
        return cls(
            service=ServiceSettings.from_env(environ, service=SERVICE, port=PORT),
            intake=_intake(environ),
            max_sockets=env_int(environ, "DASHBOARD_MAX_SOCKETS", cls.max_sockets, 1, 10_000),
            webhook_max_body_bytes=env_int(
                environ, "WEBHOOK_MAX_BODY_BYTES", cls.webhook_max_body_bytes, 1024, 1 << 30
            ),
        )


@dataclass(frozen=True)
class WorkerSettings:
    """Settings of the worker.

    Attributes:
        service: what every service is told; `drain_timeout` bounds finishing what is in hand.
        policy: how often and how far apart attempts are.
        remember: seconds for which a message's state is kept.
        kept_bytes: memory of what is kept of messages that have ended, in equal shares of the tenants.
        ai_engine_url: where answers come from.
        model: model name asked for.
        answer_timeout: deadline of one answer in seconds.
        options: how many messages are in hand at once, and when a worker is taken for dead.
        whatsapp_api_url: the Graph API with its version.
        erp_url: the ERP system, or empty.
        heartbeat: file touched while the worker works, for its health check.
        metrics_port: where /metrics is answered; 0 for nowhere.
        prompts: what messages are answered by; None for messages without instructions.
    """

    service: ServiceSettings
    policy: RetryPolicy
    remember: int
    kept_bytes: int = KEPT_BYTES
    ai_engine_url: str = "http://ai-engine:8010"
    model: str = "embedded"
    answer_timeout: float = 120.0
    options: WorkerOptions = field(default_factory=WorkerOptions)
    whatsapp_api_url: str = "https://graph.facebook.com/v23.0"
    erp_url: str = ""
    heartbeat: Path = Path("/tmp/worker.alive")  # noqa: S108 - the container's own scratch space
    metrics_port: int = 9464
    prompts: PromptLibrary | None = None

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "WorkerSettings":
        """Read them.

        Raises:
            SettingsError: a value that cannot be used.
        """
        return cls(
            service=ServiceSettings.from_env(environ, service=WORKER, port=PORT),
            policy=_policy(environ),
            remember=_intake(environ).remember,
            kept_bytes=env_int(environ, "QUEUE_KEPT_BYTES", cls.kept_bytes, 1 << 20, 1 << 40),
            ai_engine_url=_url(environ, "AI_ENGINE_URL", cls.ai_engine_url),
            model=environ.get("QUEUE_MODEL", "").strip() or cls.model,
            answer_timeout=env_float(environ, "QUEUE_ANSWER_TIMEOUT", cls.answer_timeout, 0.1, 3600),
            options=_options(environ),
            whatsapp_api_url=_url(environ, "WHATSAPP_API_URL", cls.whatsapp_api_url),
            erp_url=_url(environ, "ERP_BASE_URL", cls.erp_url),
            heartbeat=heartbeat_file(environ),
            metrics_port=env_int(environ, "METRICS_PORT", cls.metrics_port, 0, 65535),
            prompts=PromptLibrary.from_env(environ),
        )


def heartbeat_file(environ: Mapping[str, str]) -> Path:
    """The file that a working worker touches: WORKER_ALIVE_FILE, by default /tmp/worker.alive."""
    return Path(environ.get("WORKER_ALIVE_FILE", "").strip() or WorkerSettings.heartbeat)


def _intake(environ: Mapping[str, str]) -> IntakeLimits:
    default = IntakeLimits()
    return IntakeLimits(
        remember=env_int(environ, "QUEUE_REMEMBER", default.remember, 60, 90 * 86_400),
        queue_length=env_int(environ, "QUEUE_MAX_LENGTH", default.queue_length, 1, 10_000_000),
        waiting_bytes=env_int(environ, "QUEUE_WAITING_BYTES", default.waiting_bytes, 1 << 20, 1 << 40),
    )


def _options(environ: Mapping[str, str]) -> WorkerOptions:
    default = WorkerOptions()
    return WorkerOptions(
        concurrency=env_int(environ, "QUEUE_CONCURRENCY", default.concurrency, 1, 1000),
        claim_idle_ms=env_int(environ, "QUEUE_CLAIM_IDLE_MS", default.claim_idle_ms, 100, 86_400_000),
    )


def _policy(environ: Mapping[str, str]) -> RetryPolicy:
    default = RetryPolicy()
    return RetryPolicy(
        max_attempts=env_int(environ, "QUEUE_MAX_ATTEMPTS", default.max_attempts, 1, 100),
        base_delay=env_float(environ, "QUEUE_BACKOFF", default.base_delay, 0.01, 3600),
        max_delay=env_float(environ, "QUEUE_BACKOFF_MAX", default.max_delay, 0.01, 86_400),
        max_age=env_float(environ, "QUEUE_MAX_AGE", default.max_age, 1, 30 * 86_400),
    )


def _url(environ: Mapping[str, str], name: str, default: str) -> str:
    url = (environ.get(name, "").strip() or default).rstrip("/")
    if url and not url.startswith(("http://", "https://")):
        raise SettingsError(f"{name}: must begin with http:// or https://")
    return url
