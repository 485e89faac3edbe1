"""Requests over HTTP: connections that are kept, deadlines, and answers that are not whole."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from optimus_ops.http.address import HttpAddress
from optimus_ops.http.client import HttpClient, NoAnswer

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
MOST = 1 << 20
Serve = Callable[[socket.socket, int], None]
"""Answers on the how-manieth connection, from 1."""


@contextmanager
def serving(serve: Serve, connections: list[int]) -> Iterator[HttpAddress]:
    listener = socket.create_server(("127.0.0.1", 0))

    def one(connection: socket.socket, number: int) -> None:
        with connection:
            serve(connection, number)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connections.append(len(connections) + 1)
            threading.Thread(target=one, args=(connection, len(connections)), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield HttpAddress("http", "127.0.0.1", listener.getsockname()[1])
    finally:
        # A plain close would leave `accept` waiting.
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def answer_all(connection: socket.socket, _number: int) -> None:
    while connection.recv(65536):
        connection.sendall(WHOLE)


def answer_once(connection: socket.socket, _number: int) -> None:
    connection.recv(65536)
    connection.sendall(WHOLE)


@pytest.mark.parametrize(("keeps", "count"), [(True, 1), (False, 3)])
def test_a_connection_is_kept_where_that_is_wanted(keeps: bool, count: int) -> None:
    connections: list[int] = []
    with serving(answer_all, connections) as address:
        client = HttpClient(10, MOST, keeps=keeps)
        assert [client.send(address, "GET", "/", {}).content for _ in range(3)] == [b"hello"] * 3
        client.stop()

    assert len(connections) == count


def test_a_kept_connection_that_the_server_closed_is_no_failure_of_the_next_request() -> None:
    connections: list[int] = []
    with serving(answer_once, connections) as address:
        client = HttpClient(10, MOST, keeps=True)
        assert [client.send(address, "POST", "/", {}, b"x").content for _ in range(3)] == [b"hello"] * 3
        client.stop()

    assert len(connections) == 3


def test_what_says_that_it_closes_is_not_kept() -> None:
    def close(connection: socket.socket, _number: int) -> None:
        connection.recv(65536)
        connection.sendall(WHOLE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        connection.recv(65536)

    connections: list[int] = []
    with serving(close, connections) as address:
        client = HttpClient(10, MOST, keeps=True)
        for _ in range(2):
            client.send(address, "GET", "/", {})
        client.stop()

    assert len(connections) == 2


@pytest.mark.parametrize("keeps", [True, False])
@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (WHOLE[:-2], "the answer ended early"),
        (WHOLE[:20], "the connection was closed|the answer ended early|not HTTP"),
        (b"", "the connection was closed"),
        (b"SSH-2.0-x\r\n", "not HTTP"),
    ],
)
def test_what_is_not_whole_is_no_answer(sent: bytes, reason: str, keeps: bool) -> None:
    def cut(connection: socket.socket, _number: int) -> None:
        connection.recv(65536)
        connection.sendall(sent)

    with serving(cut, []) as address, pytest.raises(NoAnswer, match=reason):
        HttpClient(10, MOST, keeps=keeps).send(address, "GET", "/", {})


def test_an_answer_that_drips_is_cut_in_time_and_the_others_are_not() -> None:
    def drip(connection: socket.socket, number: int) -> None:
        connection.recv(65536)
        for byte in WHOLE if number == 1 else [WHOLE]:
            try:
                connection.sendall(bytes([byte]) if isinstance(byte, int) else byte)
            except OSError:
                return
            time.sleep(0.1 if number == 1 else 0)

    with serving(drip, []) as address:
        client = HttpClient(0.5, MOST, keeps=True)
        with pytest.raises(NoAnswer, match=r"nothing whole within 0\.5 s"):
            client.send(address, "GET", "/", {})
        assert client.send(address, "GET", "/", {}).content == b"hello"
        client.stop()


def test_stop_cuts_what_is_under_way_and_refuses_what_follows() -> None:
    asked = threading.Event()

    def silent(connection: socket.socket, _number: int) -> None:
        connection.recv(65536)
        asked.set()
        connection.recv(65536)

    with serving(silent, []) as address:
        client = HttpClient(60, MOST, keeps=True)

        def stop() -> None:
            asked.wait(10)
            client.stop()

        stopper = threading.Thread(target=stop)
        stopper.start()
        with pytest.raises(NoAnswer):
            client.send(address, "GET", "/", {})
        stopper.join()
        with pytest.raises(NoAnswer):
            client.send(address, "GET", "/", {})
        client.pause(60)
    assert client.stopped
