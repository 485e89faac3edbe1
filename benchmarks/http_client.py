"""A client's connection: kept open, opened again when the server has said goodbye, and exact about failures.

`http_wire` is for saturation, where each answer is alike; this is for a few hundred requests per second whose answers
may stream, end early or not come at all.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.http_wire import Address

DONE = b"data: [DONE]\n\n"

# What may become of a request besides a status that is not 200, which is named by its number.
GOOD = ""
CUT = "cut stream"
RESET = "reset"
REFUSED = "refused"
LATE = "timeout"
WRONG = "wrong answer"


@dataclass(frozen=True, slots=True)
class Question:
    """A request, and by what its answer is known.

    Args:
        request: its bytes.
        proof: stands in the answer's body, and in that of no other question.
        streams: whether the answer is a stream of events, which ends with `[DONE]`.
    """

    request: bytes
    proof: bytes
    streams: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a request.

    Args:
        failure: one of the words above, or a status; empty if the answer was good.
        served_by: the hostname of the replica that answered, as far as it was said.
    """

    failure: str
    served_by: str = ""


@dataclass(slots=True)
class Head:
    """The beginning of an answer, filled in as it comes: what is known when the rest doesn't come.

    Args:
        status: 0 before there was one.
        served_by: hostname of the replica.
        length: of the body; None where it comes in chunks.
        closes: whether the server will close the connection after the answer.
    """

    status: int = 0
    served_by: str = ""
    length: int | None = None
    closes: bool = False

    def read(self, received: bytes) -> None:
        """Take what the bytes up to the empty line say.

        Raises:
            ValueError: they are no HTTP/1.1 answer with a length or chunks.
        """
        first, *lines = received.decode("latin-1").split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        version, code, *_reason = first.split(" ")
        if version != "HTTP/1.1":
            raise ValueError(first)
        self.served_by = fields.get("x-served-by", "")
        self.closes = fields.get("connection", "").lower() == "close"
        if fields.get("transfer-encoding", "").lower() != "chunked":
            self.length = int(fields["content-length"])
        self.status = int(code)


class Line:
    """One client's connection to a server; use `ask` for one question after the other.

    Args:
        address: of the server.
        seconds: after which a question without a whole answer counts as failed.
    """

    def __init__(self, address: Address, seconds: float) -> None:
        self._address = address
        self._seconds = seconds
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, question: Question) -> Result:
        """Ask, and say what became of it; no failure raises.

        A connection that the server closed before the question was sent is opened again: that is its right. Once the
        question was sent, its end is a failure, and nothing is asked twice.
        """
        head = Head()
        try:
            async with asyncio.timeout(self._seconds):
                body = await self._exchange(question, head)
        except ConnectionRefusedError:
            failure = REFUSED
        except TimeoutError:
            failure = LATE
        except (asyncio.IncompleteReadError, OSError):
            failure = CUT if question.streams and head.status == 200 else RESET
        except (ValueError, KeyError, asyncio.LimitOverrunError):
            failure = WRONG
        else:
            failure = judged(question, head.status, body)
        if failure or head.closes:
            self.close()
        return Result(failure, head.served_by)

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _exchange(self, question: Question, head: Head) -> bytes:
        if self._streams is not None and self._streams[0].at_eof():
            self.close()
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._address.host, self._address.port)
        reader, writer = self._streams
        writer.write(question.request)
        head.read(await reader.readuntil(b"\r\n\r\n"))
        return await chunks(reader) if head.length is None else await reader.readexactly(head.length)


async def chunks(reader: asyncio.StreamReader) -> bytes:
    """Return a body that comes in chunks, once all of it has come.

    Raises:
        ValueError: the length of a chunk is no number.
        asyncio.IncompleteReadError: the connection ended before the last chunk.
    """
    body = bytearray()
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readuntil(b"\r\n")
    return bytes(body)


def judged(question: Question, status: int, body: bytes) -> str:
    """Return what is wrong with a whole answer; nothing if it is as expected."""
    if status != 200:
        return str(status)
    if question.streams and not body.endswith(DONE):
        return CUT
    return GOOD if question.proof in body else WRONG
