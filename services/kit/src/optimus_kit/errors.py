"""Errors as clients see them: `{"error": {"message", "type", "code"}}` in the style of the OpenAI API."""

from collections.abc import Mapping

from starlette.responses import JSONResponse, Response

TYPES = {
    400: ("invalid_request_error", "invalid_request"),
    401: ("authentication_error", "invalid_api_key"),
    403: ("permission_error", "forbidden"),
    404: ("invalid_request_error", "not_found"),
    405: ("invalid_request_error", "method_not_allowed"),
    409: ("invalid_request_error", "conflict"),
    413: ("invalid_request_error", "request_too_large"),
    422: ("invalid_request_error", "invalid_request"),
    429: ("rate_limit_error", "rate_limit_exceeded"),
    503: ("service_unavailable", "unavailable"),
    504: ("timeout_error", "timeout"),
}


class ApiError(Exception):
    """Ends the request with an error body.

    Args:
        status: HTTP status.
        message: one sentence for the caller; never a secret, an address or a trace.
        type: kind of error; by default what the status means.
        code: what a program can switch on; by default what the status means.
        param: the request field that is wrong, where there is one.
        headers: further response headers.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str | None = None,  # noqa: A002 - the field's name in the body
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        default_type, default_code = TYPES.get(status, ("server_error", "internal_error"))
        self.status = status
        self.message = message
        self.type = type or default_type
        self.code = code or default_code
        self.param = param
        self.headers = dict(headers or {})

    def body(self) -> dict[str, object]:
        """Return the error body."""
        error: dict[str, object] = {"message": self.message, "type": self.type, "code": self.code}
        if self.param is not None:
            error["param"] = self.param
        return {"error": error}

    def response(self) -> Response:
        """Return the whole response."""
        return JSONResponse(self.body(), status_code=self.status, headers=self.headers)
