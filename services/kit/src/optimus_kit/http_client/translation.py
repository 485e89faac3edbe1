"""aiohttp's errors as those of this package; what they say may name addresses, and stays here."""

import aiohttp
from aiohttp.http_exceptions import ContentEncodingError, HttpProcessingError

from optimus_kit.http_client.errors import (
    ConnectError,
    ConnectTimeout,
    DecodingError,
    HttpError,
    ReadError,
    ReadTimeout,
    RemoteProtocolError,
    RequestError,
)


def translated(error: Exception) -> HttpError:
    """Return what an error of a request means."""
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return ConnectTimeout("no connection in time")
    if isinstance(error, TimeoutError):
        return ReadTimeout("no answer in time")
    if isinstance(error, aiohttp.ClientConnectorError):
        return ConnectError("no connection")
    if isinstance(error, HttpProcessingError):
        return RemoteProtocolError("not HTTP")
    if isinstance(error, aiohttp.ClientPayloadError) and isinstance(error.__cause__, ContentEncodingError):
        return DecodingError("the body cannot be decoded")
    if isinstance(error, ValueError):
        return RequestError("the request cannot be sent")
    return ReadError("the connection ended")
