"""A request and the head of its answer on one of aiohttp's connections, without aiohttp's session.

aiohttp's pool opens connections (names, TLS), and its protocol reads answers (framing, coding, time-outs). Its session
merges, copies and checks what is the same for every request to one URL, and writes the body in a task of its own: three
fifths of the processor time of a call.
"""

import re
from collections.abc import Mapping

import aiohttp
from aiohttp import hdrs
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http import RawResponseMessage
from aiohttp.streams import StreamReader

from optimus_kit.http_client.errors import ConnectTimeout, RequestError
from optimus_kit.http_client.model import HttpRequest, Timeouts

# A head of the size that h11 took before.
MAX_LINE = MAX_FIELD = 64 << 10
HEADERS = {hdrs.USER_AGENT: "optimus", hdrs.ACCEPT: "*/*", hdrs.ACCEPT_ENCODING: "gzip, deflate"}
FORBIDDEN = re.compile(r"[\r\n\0]")
INFORMATIONAL = range(100, 200)
SWITCHING_PROTOCOLS = 101

Head = tuple[RawResponseMessage, StreamReader]


class Target:
    """What all requests of one method to one URL have in common.

    Args:
        template: what aiohttp's pool knows the server by; it is never sent.
    """

    def __init__(self, template: aiohttp.ClientRequest) -> None:
        self.template = template
        self._line = f"{template.method} {template.url.raw_path_qs} HTTP/1.1"
        self._fields = dict(template.headers)
        self._names = {name.lower(): name for name in self._fields}

    def head(self, headers: Mapping[str, str], length: int | None) -> bytes:
        """Return what is sent before a body of so many bytes; `headers` replace those that are usual.

        Raises:
            RequestError: a header that would be two.
        """
        fields = self._fields | {self._names.get(name.lower(), name): value for name, value in headers.items()}
        if length is not None:
            fields[hdrs.CONTENT_LENGTH] = str(length)
        lines = [f"{name}: {value}" for name, value in fields.items()]
        if any(map(FORBIDDEN.search, lines)):
            raise RequestError("the request cannot be sent")
        return "\r\n".join((self._line, *lines, "\r\n")).encode()


async def connect(connector: aiohttp.TCPConnector, target: Target, limits: aiohttp.ClientTimeout) -> Connection:
    """Return a connection: an unused one, or a new one.

    Raises:
        ConnectTimeout: none within the time for that.
        aiohttp.ClientError: none at all.
    """
    try:
        return await connector.connect(target.template, [], limits)
    except TimeoutError:
        raise ConnectTimeout("no connection in time") from None


async def exchange(connection: Connection, target: Target, request: HttpRequest) -> Head:
    """Send a request; return the head of its answer and the body that has yet to come.

    Sending is part of the wait for the first byte.

    Raises:
        aiohttp.ClientError: the connection ended, or no byte came in time.
        aiohttp.http_exceptions.HttpProcessingError: what came is not HTTP.
    """
    protocol, transport = connection.protocol, connection.transport
    if protocol is None or transport is None:
        raise aiohttp.ServerDisconnectedError
    body = request.body
    head = target.head(request.headers, None if body is None else len(body))
    expect_answer(protocol, request.method, request.timeouts)
    transport.write(head + body if body else head)
    protocol.start_timeout()
    while True:
        message, content = await protocol.read()
        if message.code not in INFORMATIONAL or message.code == SWITCHING_PROTOCOLS:
            return message, content


def expect_answer(protocol: ResponseHandler, method: str, timeouts: Timeouts) -> None:
    """Have the protocol read an answer to a method, decoded."""
    protocol.set_response_params(
        skip_payload=method == hdrs.METH_HEAD,
        read_until_eof=True,
        auto_decompress=True,
        read_timeout=timeouts.read,
        max_line_size=MAX_LINE,
        max_field_size=MAX_FIELD,
    )
