"""Errors in the OpenAPI document: those that the service answers, in place of FastAPI's 422, which it never does."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from optimus_kit.error_body import ErrorBody

TEXTS = {
    400: "invalid",
    401: "no such key",
    404: "no such memory",
    409: "another memory has that id",
    413: "larger than the service takes",
    429: "more of this tenant is under way than the embedder can serve; Retry-After says when to come back",
    502: "the embedder failed",
    503: "the database, the embedder or a place is not to be had; Retry-After says when to come back",
    504: "the embedder did not answer in time",
}
UNUSED = frozenset({"HTTPValidationError", "ValidationError"})


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Error responses for a route."""
    return {status: {"model": ErrorBody, "description": TEXTS[status]} for status in statuses}


def without_422(app: FastAPI) -> None:
    """Has /openapi.json leave out the answer to invalid requests that FastAPI would give by itself."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        document = plain()
        for operations in document["paths"].values():
            for operation in operations.values():
                operation["responses"].pop("422", None)
        schemas = document.get("components", {}).get("schemas", {})
        for name in UNUSED & schemas.keys():
            del schemas[name]
        return document

    # The way to change the document that FastAPI itself gives.
    app.openapi = openapi  # type: ignore[method-assign]
