"""The HTTP shell, through HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI, Request
from pydantic import BaseModel
from starlette.responses import Response

from optimus_kit.app import create_app, note_tenant
from optimus_kit.errors import ApiError
from optimus_kit.health import run_checks
from optimus_kit.settings import ServiceSettings


class Order(BaseModel):
    count: int


async def works() -> None:
    return None


async def broken() -> None:
    raise ConnectionError("redis://user:pass@10.0.0.1 refused")


async def stuck() -> None:
    await asyncio.Event().wait()


def build(settings: ServiceSettings) -> FastAPI:
    app = create_app(settings, checks={"works": works})

    @app.post("/orders/{name}")
    async def order(name: str, order: Order, request: Request) -> dict[str, str | int]:
        note_tenant(request, "acme")
        return {"name": name, "count": order.count}

    @app.get("/refused")
    async def refused() -> None:
        raise ApiError(429, "Slow down.", headers={"Retry-After": "7"})

    @app.get("/broken")
    async def fails() -> None:
        raise RuntimeError("the password is hunter2")

    return app


@asynccontextmanager
async def client_of(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://demo") as client,
    ):
        yield client


async def test_every_response_says_who_served_it_and_which_request_it_answers(settings: ServiceSettings) -> None:
    async with client_of(build(settings)) as client:
        for path in ("/health", "/none", "/broken", "/refused"):
            answer = await client.get(path, headers={"X-Request-Id": "my-id.1"})
            assert answer.headers["x-served-by"] == "replica-1"
            assert answer.headers["x-request-id"] == "my-id.1"
        made = await client.get("/health", headers={"X-Request-Id": 'bad id "'})
        assert made.headers["x-request-id"].isalnum()


async def test_health_names_what_failed_and_shows_no_address(settings: ServiceSettings) -> None:
    checks = {"works": works, "broken": broken}
    async with client_of(create_app(settings, checks=checks)) as client:
        answer = await client.get("/health")
    assert answer.status_code == 503
    assert answer.json()["failed"] == ["broken"]
    assert answer.json()["checks"] == {"works": "ok", "broken": "failed (ConnectionError)"}


async def test_a_check_that_hangs_fails() -> None:
    assert await run_checks({"stuck": stuck, "works": works}, seconds=0.01) == {
        "stuck": "no answer within 0.01 s",
        "works": "ok",
    }


async def test_a_service_is_ready_between_start_and_drain(settings: ServiceSettings) -> None:
    app = build(settings)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://demo") as before:
        assert (await before.get("/ready")).json() == {"status": "starting"}
    async with client_of(app) as client:
        assert (await client.get("/ready")).status_code == 200
        app.state.drain.begin()
        drained = await client.get("/ready")
        assert (drained.status_code, drained.json()) == (503, {"status": "draining"})
        assert drained.headers["connection"] == "close"


async def test_errors_have_one_form_and_no_trace(settings: ServiceSettings) -> None:
    async with client_of(build(settings)) as client:
        unknown = await client.get("/none")
        refused = await client.get("/refused")
        failed = await client.get("/broken")
        wrong = await client.post("/orders/a", json={"count": "many"})
        garbled = await client.post("/orders/a", content=b"{", headers={"Content-Type": "application/json"})
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "not_found")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "7")
    assert refused.json()["error"] == {
        "message": "Slow down.",
        "type": "rate_limit_error",
        "code": "rate_limit_exceeded",
    }
    assert failed.status_code == 500
    assert "hunter2" not in failed.text
    assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "count")
    assert (garbled.status_code, "param" in garbled.json()["error"]) == (400, False)


async def plain(_request: Request) -> Response:
    return Response("plain", media_type="text/plain")


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics", "/plain"])
async def test_head_is_get_without_its_body(settings: ServiceSettings, path: str) -> None:
    app = build(settings)
    app.add_route("/plain", plain)
    async with client_of(app) as client:
        get, head = await client.get(path), await client.head(path)
        metrics = (await client.get("/metrics")).text
    assert (head.status_code, head.content, head.headers["content-type"]) == (200, b"", get.headers["content-type"])
    assert f'http_request_method="HEAD",http_response_status_code="200",http_route="{path}"' in metrics


@pytest.mark.parametrize(
    ("path", "allowed"), [("/health", "GET, HEAD, OPTIONS"), ("/orders/a", "POST, OPTIONS"), ("/none", None)]
)
async def test_options_tells_the_methods_of_a_path(settings: ServiceSettings, path: str, allowed: str | None) -> None:
    async with client_of(build(settings)) as client:
        answer = await client.options(path)
    assert (answer.status_code, answer.headers.get("allow")) == (204 if allowed else 404, allowed)


@pytest.mark.parametrize("path", ["/health/", "/orders/a/", "/refused/"])
async def test_a_slash_too_many_is_no_redirect(settings: ServiceSettings, path: str) -> None:
    async with client_of(build(settings)) as client:
        answer = await client.post(path, json={"count": 1})
    assert (answer.status_code, answer.headers.get("location")) == (404, None)


async def chunks(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 1024):
        yield b" " * 1024


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_over_the_limit_is_refused(settings: ServiceSettings, declared: bool) -> None:
    app = build(replace(settings, max_body_bytes=4096))
    body = b" " * 8192 if declared else chunks(8192)
    async with client_of(app) as client:
        answer = await client.post("/orders/a", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")


async def test_a_body_at_the_limit_is_taken(settings: ServiceSettings) -> None:
    body = b'{"count": 1}'.ljust(4096)
    async with client_of(build(replace(settings, max_body_bytes=4096))) as client:
        answer = await client.post("/orders/a", content=body, headers={"Content-Type": "application/json"})
    assert answer.json() == {"name": "a", "count": 1}


async def test_over_the_bound_of_requests_at_once_the_answer_is_503_but_probes_pass(settings: ServiceSettings) -> None:
    app = build(replace(settings, max_inflight=1))
    async with client_of(app) as client:
        app.state.drain.inflight = 1
        refused = await client.post("/orders/a", json={"count": 1})
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "overloaded")
        assert (await client.get("/health")).status_code == 200


async def test_the_access_log_has_a_line_per_request_and_no_body_or_query(
    settings: ServiceSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    trace_id, span_id = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    headers = {"X-Request-Id": "r1", "traceparent": f"00-{trace_id}-{span_id}-01"}
    async with client_of(build(settings)) as client:
        await client.post("/orders/a%22b?key=hunter2", json={"count": 41}, headers=headers)
        await client.get("/health")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [{**line, "time": "", "ms": 0} for line in lines] == [
        {
            "time": "",
            "service": "demo",
            "request_id": "r1",
            "tenant": "acme",
            "method": "POST",
            "path": '/orders/a"b',
            "status": 200,
            "ms": 0,
            "trace_id": trace_id,
            "span_id": span_id,
        }
    ]


async def test_metrics_count_by_route_and_not_by_path(settings: ServiceSettings) -> None:
    app = build(settings)
    app.add_route("/plain/{name}", plain)
    async with client_of(app) as client:
        await client.get("/plain/a")
        for name in ("a", "b"):
            await client.post(f"/orders/{name}", json={"count": 1})
        await client.get("/wp-admin")
        text = (await client.get("/metrics")).text
    labels = 'http_request_method="POST",http_response_status_code="200",http_route="/orders/{name}"'
    assert f"http_server_request_duration_seconds_count{{{labels}}} 2.0" in text
    assert 'http_route="unmatched"' in text
    assert 'http_request_method="GET",http_response_status_code="200",http_route="/plain/{name}"' in text
    assert "wp-admin" not in text
    assert "optimus_draining 0.0" in text
