"""The listener of processes that serve no HTTP: it answers /metrics, and takes no harm from anything else."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.ports import free_ports

from optimus_kit.drain import Drain
from optimus_kit.metrics import Metrics, listening
from optimus_kit.metrics.listener import MAX_CONNECTIONS, parse_request
from optimus_kit.settings import SettingsError

HOST = "127.0.0.1"


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with listening(Metrics(Drain()), HOST, free_ports(1)[0]) as port:
        yield port


async def raw(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(request)
    try:
        return await reader.read()
    except ConnectionResetError:
        # What it had not read is still coming.
        return b""
    finally:
        writer.close()


async def test_it_answers_in_both_formats_and_to_head(port: int) -> None:
    async with httpx.AsyncClient(base_url=f"http://{HOST}:{port}", trust_env=False) as client:
        plain = await client.get("/metrics?x=1")
        openmetrics = await client.get("/metrics", headers={"Accept": "application/openmetrics-text"})
        head = await client.head("/metrics")
    assert (plain.status_code, "optimus_draining 0.0" in plain.text) == (200, True)
    assert plain.headers["content-type"].startswith("text/plain")
    assert openmetrics.text.endswith("# EOF\n")
    assert (head.status_code, head.content, int(head.headers["content-length"]) > 100) == (200, b"", True)


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        ("GET / HTTP/1.1", 404),
        ("GET /metrics/../etc/passwd HTTP/1.1", 404),
        ("GET /health HTTP/1.1", 404),
        ("POST /metrics HTTP/1.1", 405),
        ("X\x00Y /metrics HTTP/1.1", 405),
        ("GET /metrics", 400),
        ("GET /metrics HTTP/2.0", 400),
        ("\xff\xfe", 400),
        ("", 400),
    ],
)
async def test_everything_else_is_refused(port: int, request_line: str, status: int) -> None:
    answer = await raw(port, request_line.encode("latin-1") + b"\r\nHost: x\r\n\r\n")
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())


async def test_a_head_that_is_too_long_is_refused(port: int) -> None:
    answer = await raw(port, b"GET /metrics HTTP/1.1\r\nX: " + b"x" * 20_000 + b"\r\n\r\n")
    assert answer == b"" or answer.startswith(b"HTTP/1.1 431 ")
    assert (await raw(port, b"GET /metrics HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 200 ")


async def test_more_connections_than_it_has_places_for_are_closed_and_later_ones_are_served(port: int) -> None:
    idle = [await asyncio.open_connection(HOST, port) for _ in range(MAX_CONNECTIONS)]
    assert await raw(port, b"GET /metrics HTTP/1.1\r\n\r\n") == b""
    for reader, writer in idle:
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()
    assert (await raw(port, b"GET /metrics HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 200 ")


async def test_a_port_that_is_taken_is_told_and_0_is_none(port: int) -> None:
    with pytest.raises(SettingsError, match=f"METRICS_PORT={port}: cannot listen on"):
        async with listening(Metrics(Drain()), HOST, port):
            raise AssertionError("it listens")
    async with listening(Metrics(Drain()), HOST, 0) as none:
        assert none == 0


@given(st.binary())
def test_any_bytes_are_a_request_or_none(head: bytes) -> None:
    request = parse_request(head)
    assert request is None or " " not in request.method + request.path
