"""A small service with one tenant, whose answers are of all kinds."""

from pathlib import Path

from fastapi import FastAPI, Request, WebSocket

from optimus_kit.app import create_app, note_tenant
from optimus_kit.secret_watcher import SecretWatcher
from optimus_kit.secrets import SecretFolder
from optimus_kit.settings import ServiceSettings
from optimus_kit.tenancy import Tenants
from optimus_kit.tracing import trace_ids

KEY = "acme-key-0123456789abcdef"
BEARER = {"Authorization": f"Bearer {KEY}"}
LIMIT = 64
ROOM = 32


def small_service(folder: Path) -> FastAPI:
    """The application; `folder` is empty, and will hold its secrets."""
    (folder / "secrets").mkdir()
    (folder / "secrets" / "TENANT_ACME_API_KEY").write_text(KEY)
    (folder / "tenants.yaml").write_text("tenants: {acme: {}, globex: {}}")
    secrets = SecretFolder(folder / "secrets")
    settings = ServiceSettings(service="demo", port=0, secrets=secrets, max_body_bytes=LIMIT, max_inflight=ROOM)
    app = create_app(settings, checks={})
    tenants = Tenants.load(folder / "tenants.yaml", SecretWatcher(secrets))

    @app.get("/whose")
    async def whose(request: Request) -> str:
        tenant = tenants.require(request.headers.get("Authorization"))
        note_tenant(request, tenant.name)
        return tenant.name

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError

    @app.post("/size")
    async def size(request: Request) -> int:
        return len(await request.body())

    @app.websocket("/accepted")
    async def accepted(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_json(trace_ids())
        await websocket.close()

    @app.websocket("/refused")
    async def refused(websocket: WebSocket) -> None:
        await websocket.close()

    @app.websocket("/fails")
    async def fails(_websocket: WebSocket) -> None:
        raise RuntimeError

    return app
