"""The drain contract, on a real process: what SIGTERM does to whom."""

import asyncio
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import httpx
import pytest
from tests.support.drained_service import PROGRAM, Start, environment, starting_services
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from optimus_kit.listener import bind

DELAY = "0.3"


@pytest.fixture
def start_service() -> Iterator[Start]:
    with starting_services() as start:
        yield start


async def refused(url: str) -> bool:
    try:
        async with httpx.AsyncClient() as client:
            await client.get(f"{url}/health")
    # Without an answer at all: while the queue of those who came before is emptied.
    except (httpx.ConnectError, httpx.ConnectTimeout):
        return True
    return False


@pytest.mark.parametrize("processes", ["1", "2"])
async def test_a_drained_service_finishes_what_it_has_and_ends_with_zero(start_service: Start, processes: str) -> None:
    service = start_service(DRAIN_DELAY=DELAY, WEB_CONCURRENCY=processes)
    async with httpx.AsyncClient(base_url=service.url, timeout=30) as client:
        request = asyncio.create_task(client.get("/slow", params={"seconds": 0.9}))
        stream = asyncio.create_task(client.get("/events", params={"count": 9}))
        async with connect(f"ws://127.0.0.1:{service.port}/ws") as socket:
            await socket.send("hello")
            assert await socket.recv() == "hello"
            service.terminate()
            with pytest.raises(ConnectionClosed) as closed:
                await socket.recv()
        assert await refused(service.url)
        assert (await request).json() == {"finished": True}
        events = (await stream).text
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
    assert events.count("data: ") == 10
    assert events.endswith("data: [DONE]\n\n")
    assert await asyncio.to_thread(service.wait) == 0


async def test_while_it_drains_it_is_healthy_but_not_ready_and_lets_connections_go(start_service: Start) -> None:
    service = start_service(DRAIN_DELAY="30")
    async with httpx.AsyncClient(base_url=service.url) as client:
        before = await client.get("/ready")
        service.terminate()
        ready = before
        while ready.status_code == 200:
            ready = await client.get("/ready")
        health = await client.get("/health")
        other = await client.get("/slow", params={"seconds": 0})
    assert "connection" not in before.headers
    assert (ready.status_code, ready.json()) == (503, {"status": "draining"})
    assert (health.status_code, other.status_code) == (200, 200)
    assert [answer.headers["connection"] for answer in (ready, health, other)] == ["close"] * 3


@pytest.mark.parametrize("processes", ["1", "2"])
async def test_being_told_again_and_again_cuts_nothing(start_service: Start, processes: str) -> None:
    service = start_service(DRAIN_DELAY="0.3", WEB_CONCURRENCY=processes)
    async with httpx.AsyncClient(base_url=service.url, timeout=30) as client:
        request = asyncio.create_task(client.get("/slow", params={"seconds": 2}))
        await asyncio.sleep(0.2)
        while not request.done():
            service.terminate()
            await asyncio.sleep(0.1)
        assert (await request).json() == {"finished": True}
    assert await asyncio.to_thread(service.wait) == 0


async def test_a_person_s_signal_ends_the_delay_and_another_one_what_is_in_flight(start_service: Start) -> None:
    service = start_service(DRAIN_DELAY="600")
    service.terminate()
    async with httpx.AsyncClient(base_url=service.url, timeout=60) as client:
        while (await client.get("/ready")).status_code == 200:
            continue
        request = asyncio.create_task(client.get("/slow", params={"seconds": 600}))
        await asyncio.sleep(0.2)
        service.process.send_signal(signal.SIGINT)
        while not await refused(service.url):
            continue
        service.process.send_signal(signal.SIGINT)
        with suppress(httpx.TransportError):
            assert (await request).status_code == 500
    assert await asyncio.to_thread(service.wait) == 0


async def test_what_takes_longer_than_the_time_out_is_cut(start_service: Start) -> None:
    service = start_service(DRAIN_DELAY="0", DRAIN_TIMEOUT="1")
    async with httpx.AsyncClient(base_url=service.url, timeout=60) as client:
        request = asyncio.create_task(client.get("/slow", params={"seconds": 600}))
        while (await client.get("/metrics")).text.find("http_server_active_requests 2.0") < 0:
            continue
        service.terminate()
        with suppress(httpx.TransportError):
            answer = await request
            assert (answer.status_code, len(answer.headers.get_list("X-Trace-Id"))) == (500, 1)
    assert await asyncio.to_thread(service.wait) == 0


@dataclass
class Tally:
    """What became of connections: answered, or broken after they were made."""

    answered: int = 0
    broken: list[str] = field(default_factory=list)
    many: asyncio.Event = field(default_factory=asyncio.Event)

    def answer(self) -> None:
        self.answered += 1
        if self.answered == 100:
            self.many.set()


async def keep_connecting(port: int, tally: Tally) -> None:
    """Ask over one new connection after the other until none is accepted."""
    while True:
        try:
            async with asyncio.timeout(0.5):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except (OSError, TimeoutError):
            return
        try:
            writer.write(b"GET /slow?seconds=0 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            await writer.drain()
            answer = await asyncio.wait_for(reader.read(), 20)
        except (OSError, TimeoutError) as error:
            tally.broken.append(repr(error))
        else:
            if answer.startswith(b"HTTP/1.1 200 "):
                tally.answer()
            else:
                tally.broken.append(repr(answer[:80]))
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


async def test_no_connection_that_was_made_is_broken_when_it_stops_listening(start_service: Start) -> None:
    service = start_service(DRAIN_DELAY="0.3")
    tally = Tally()
    clients = [asyncio.create_task(keep_connecting(service.port, tally)) for _ in range(16)]
    await tally.many.wait()
    service.terminate()
    await asyncio.gather(*clients)
    assert tally.broken == []
    assert await asyncio.to_thread(service.wait) == 0


async def test_a_late_request_on_a_connection_that_was_accepted_is_answered(start_service: Start) -> None:
    service = start_service(DRAIN_DELAY="0.3")
    async with httpx.AsyncClient(base_url=service.url, timeout=30) as client:
        request = asyncio.create_task(client.get("/slow", params={"seconds": 1.5}))
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        service.terminate()
        while not await refused(service.url):
            continue
        writer.write(b"GET /ready HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), 20)
        assert (await request).json() == {"finished": True}
    writer.close()
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"connection: close" in answer.lower()
    assert await asyncio.to_thread(service.wait) == 0


async def test_a_connection_whose_stream_began_before_the_drain_serves_what_comes_next(start_service: Start) -> None:
    service = start_service(DRAIN_DELAY="0.3")
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(b"GET /events?count=12 HTTP/1.1\r\nHost: x\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    service.terminate()
    await reader.readuntil(b"0\r\n\r\n")
    writer.write(b"GET /slow?seconds=0 HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    assert b"connection: close" not in head.lower()
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"connection: close" in answer.lower()
    assert await asyncio.to_thread(service.wait) == 0


def test_a_service_that_starts_takes_no_connection(start_service: Start) -> None:
    with bind("127.0.0.1", 0) as reserved:
        port = reserved.getsockname()[1]
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port)).close()
    assert httpx.get(f"{start_service().url}/ready").status_code == 200


def test_a_taken_port_is_one_clear_message(start_service: Start) -> None:
    service = start_service()
    second = subprocess.run(PROGRAM, env=environment(service.port), capture_output=True, text=True, check=False)
    assert second.returncode == 1
    assert second.stderr.splitlines() == [f"drained: cannot listen on 127.0.0.1:{service.port}: Address already in use"]
