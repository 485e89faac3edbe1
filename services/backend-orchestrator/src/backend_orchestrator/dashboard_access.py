"""Who may see the dashboard: whoever has its token, or a session that the token was exchanged for.

The token is long-lived, and stays out of everything but that exchange: what opens sockets ends by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from backend_orchestrator.sessions import LIFE_SECONDS, NoSigningKeyError, SessionRefusedError, Sessions
from backend_orchestrator.signature import same_token, split_secrets
from optimus_kit.errors import ApiError
from optimus_kit.secret_watcher import SecretWatcher


class NoAccessError(Exception):
    """The caller may not see the dashboard."""


@dataclass(frozen=True)
class DashboardAccess:
    """What opens the dashboard."""

    secrets: SecretWatcher
    sessions: Sessions

    def is_token(self, given: str | None) -> bool:
        """Whether it is the dashboard's token; while that is rotated, one of two."""
        return same_token(given, split_secrets(*self.secrets.valid("DASHBOARD_TOKEN")))

    def until(self, given: str | None) -> float | None:
        """Return when the access ends that a token or session gives, in seconds since the epoch; None: never.

        Raises:
            NoAccessError: it gives none.
        """
        if self.is_token(given):
            return None
        try:
            return self.sessions.verify(given or "")
        except SessionRefusedError:
            raise NoAccessError from None


class NewSession(BaseModel):
    """Answer to `POST /v1/dashboard/session`: what opens `/ws/dashboard`, and for how many seconds."""

    token: str
    expires_in: int


class SessionState(BaseModel):
    """Answer to `GET /v1/dashboard/session`: for how many seconds it opens the dashboard; null: without an end."""

    expires_in: int | None


def session_routes(access: DashboardAccess, clock: Callable[[], float]) -> APIRouter:
    """`POST` and `GET /v1/dashboard/session`."""
    router = APIRouter(tags=["dashboard"])

    @router.post("/v1/dashboard/session", status_code=201)
    async def open_session(request: Request, response: Response) -> NewSession:
        """Exchange the dashboard's token (`Authorization: Bearer …`) for a session. A session opens no other."""
        if not access.is_token(_bearer(request)):
            raise _unauthorized("The dashboard's token is wanted.")
        try:
            session = access.sessions.issue()
        except NoSigningKeyError:
            raise ApiError(503, "Sessions of the dashboard are not set up.", code="not_configured") from None
        response.headers["Cache-Control"] = "no-store"
        return NewSession(token=session, expires_in=LIFE_SECONDS)

    @router.get("/v1/dashboard/session")
    async def get_session(request: Request, response: Response) -> SessionState:
        """Tell whether a session, or the token itself, opens the dashboard: 401 if not."""
        response.headers["Cache-Control"] = "no-store"
        try:
            ends_at = access.until(_bearer(request))
        except NoAccessError:
            raise _unauthorized("A session of the dashboard is wanted.") from None
        return SessionState(expires_in=None if ends_at is None else max(0, int(ends_at - clock())))

    return router


def _bearer(request: Request) -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _unauthorized(message: str) -> ApiError:
    return ApiError(401, message, headers={"WWW-Authenticate": "Bearer"})
