"""Which errors /openapi.json tells of: those that there are."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI

from memory_engine.error_responses import without_422
from memory_engine.routes import router


def test_each_operation_tells_of_the_errors_that_it_answers_and_never_of_422() -> None:
    app = FastAPI()
    app.include_router(router)
    without_422(app)
    document = app.openapi()
    found = {
        f"{method} {path}": {int(status) for status in operation["responses"]}
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }
    embeds = {400, 401, 413, 429, 502, 503, 504}
    assert found == {
        "post /v1/memories": {200, 201, 409} | embeds,
        "post /v1/memories/batch": {201, 409} | embeds,
        "post /v1/memories/search": {200} | embeds,
        "get /v1/memories/{memory_id}": {200, 401, 404, 503},
        "delete /v1/memories/{memory_id}": {204, 401, 404, 503},
    }
    assert "ValidationError" not in document["components"]["schemas"]


def test_an_application_without_schemas_stays_as_it_is() -> None:
    app = FastAPI()
    app.include_router(APIRouter())
    without_422(app)
    assert app.openapi()["paths"] == {}
