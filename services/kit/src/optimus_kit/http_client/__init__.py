"""The HTTP client of services: bounded pools, a deadline per phase, own errors; aiohttp does the work.

Why aiohttp: one request costs about 0.1 ms of processor time, where httpx with httpcore takes 1.5 to 2.5 ms at 32
connections (every request looks at every connection, and an import is tried again at each; `python -m benchmarks
upstream` measures the service). httpx over aiohttp's transport still takes 0.5 ms. An own client on httptools saves
less than 0.1 ms more, for TLS, name resolution and framing that would be ours to keep right.
"""

from optimus_kit.http_client.client import HttpClient, Limits, read
from optimus_kit.http_client.errors import (
    AnswerTooLarge,
    ConnectError,
    ConnectTimeout,
    DecodingError,
    HttpError,
    HttpTimeout,
    PoolTimeout,
    ReadError,
    ReadTimeout,
    RemoteProtocolError,
    RequestError,
)
from optimus_kit.http_client.model import Answer, HttpRequest, StatusError, StreamedAnswer, Timeouts, Transport

__all__ = [
    "Answer",
    "AnswerTooLarge",
    "ConnectError",
    "ConnectTimeout",
    "DecodingError",
    "HttpClient",
    "HttpError",
    "HttpRequest",
    "HttpTimeout",
    "Limits",
    "PoolTimeout",
    "ReadError",
    "ReadTimeout",
    "RemoteProtocolError",
    "RequestError",
    "StatusError",
    "StreamedAnswer",
    "Timeouts",
    "Transport",
    "read",
]
