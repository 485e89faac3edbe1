"""The HTTP shell that every service is built on."""

import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from functools import partial

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from optimus_kit.access_log import AccessLog
from optimus_kit.background import background
from optimus_kit.body_limit import BodyLimit
from optimus_kit.drain import Drain
from optimus_kit.edge import Edge
from optimus_kit.errors import ApiError
from optimus_kit.health import Check, HealthProbe, readiness
from optimus_kit.methods import Methods
from optimus_kit.metrics import Metrics, RequestMetrics, show_spans
from optimus_kit.secret_watcher import SecretWatcher
from optimus_kit.settings import ServiceSettings

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_app(
    settings: ServiceSettings,
    *,
    checks: Mapping[str, Check],
    secrets: SecretWatcher | None = None,
    lifespan: Lifespan | None = None,
    title: str | None = None,
    version: str | None = None,
    body_limits: Mapping[str, int] | None = None,
) -> FastAPI:
    """Make the application: /health, /ready, /metrics, the shared middlewares and error bodies.

    `app.state` holds `settings`, `drain`, `metrics` and, where spans are recorded, `telemetry`. Handlers raise
    `ApiError`; whoever knows the tenant notes its name with `note_tenant`, for access log, metrics and span.

    Args:
        settings: the service's settings.
        checks: what /health asks, by name: each is awaited and fails by raising.
        secrets: of the service; kept up to date while it runs.
        lifespan: opened before the service is ready, closed after the last request.
        title: for the OpenAPI document.
        version: of the service, also in its presence.
        body_limits: bytes that a request's body may have at a path, where that isn't `max_body_bytes`.
    """
    drain = Drain()
    metrics = Metrics(drain)
    requests = RequestMetrics(metrics, drain)
    access = AccessLog(settings.service, sys.stdout)
    app = FastAPI(
        title=title or settings.service,
        version=version or settings.version,
        lifespan=_lifespan(drain, access, secrets, lifespan),
        docs_url=None,
        redoc_url=None,
        # A redirect would name the scheme and port of this connection, which are not those that the client came by.
        redirect_slashes=False,
        # The span of a request is ours (edge.py): FastAPI's own would be a second one, and has texts of errors.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.settings = settings
    app.state.drain = drain
    app.state.metrics = metrics
    # Set by `serve` once it runs with telemetry.
    app.state.telemetry = None
    app.state.show_spans = partial(show_spans, metrics)
    app.add_middleware(Methods)
    app.add_middleware(BodyLimit, limit=settings.max_body_bytes, limits=body_limits or {})
    app.add_middleware(
        Edge,
        hostname=settings.hostname,
        drain=drain,
        observe=requests.observe,
        inflight_changed=requests.inflight_changed,
        access=access,
        max_inflight=settings.max_inflight,
    )
    _add_probes(app, settings, checks)
    _add_error_bodies(app)
    return app


def note_tenant(request: Request, name: str) -> None:
    """Tell access log, metrics and span whose request this is."""
    request.scope["state"]["tenant"] = name


def _lifespan(drain: Drain, access: AccessLog, secrets: SecretWatcher | None, inner: Lifespan | None) -> Lifespan:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        looking = background(secrets.keep_looking()) if secrets else nullcontext()
        async with looking, background(app.state.metrics.keep_telling()), inner(app) if inner else nullcontext():
            drain.ready = True
            yield
            drain.ready = False
            access.flush()

    return lifespan


def _add_probes(app: FastAPI, settings: ServiceSettings, checks: Mapping[str, Check]) -> None:
    metrics: Metrics = app.state.metrics
    drain: Drain = app.state.drain
    probe = HealthProbe(settings.service, checks)

    @app.get("/health", tags=["probes"])
    async def get_health() -> Response:
        """Test what the service needs; 503 names what failed."""
        status, body = await probe()
        return JSONResponse(body, status_code=status)

    @app.get("/ready", tags=["probes"])
    async def get_ready() -> Response:
        """Tell whether the replica wants work: 503 while starting or draining."""
        status, body = readiness(drain)
        return JSONResponse(body, status_code=status)

    @app.get("/metrics", tags=["probes"])
    async def get_metrics(request: Request) -> Response:
        """Return Prometheus metrics; as OpenMetrics, with exemplars, if the header Accept names that."""
        text, content_type = await metrics.exposition(request.headers.get("accept"))
        return Response(text, media_type=content_type)


def _add_error_bodies(app: FastAPI) -> None:
    @app.exception_handler(ApiError)
    async def api_error(_request: Request, error: ApiError) -> Response:
        return error.response()

    @app.exception_handler(HTTPException)
    async def http_error(_request: Request, error: HTTPException) -> Response:
        return ApiError(error.status_code, str(error.detail), headers=error.headers).response()

    @app.exception_handler(RequestValidationError)
    async def validation_error(_request: Request, error: RequestValidationError) -> Response:
        return invalid_request([dict(entry) for entry in error.errors()]).response()


def invalid_request(errors: list[dict[str, object]]) -> ApiError:
    """Make the 400 that names the first field that a validator complains about (never the value given).

    Args:
        errors: as of `pydantic.ValidationError.errors()`; a leading "body"/"query" in their place is left out.
    """
    first = errors[0] if errors else {}
    place = first.get("loc")
    parts = [str(part) for part in place] if isinstance(place, (tuple, list)) else []
    if parts[:1] in (["body"], ["query"], ["path"], ["header"]):
        parts = parts[1:]
    # Of text that is no JSON at all, the place is an offset and no field.
    field = "" if first.get("type") == "json_invalid" else ".".join(parts)
    message = str(first.get("msg", "The request is invalid.")).removeprefix("Value error, ")
    return ApiError(400, f"{field}: {message}" if field else message, param=field or None)
