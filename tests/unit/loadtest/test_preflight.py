from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import trustme
from tests.unit.loadtest.loopback import serving

from optimus_ops.errors import Refused
from optimus_ops.loadtest.preflight import check_targets


@contextmanager
def answering(content: bytes | None, context: ssl.SSLContext | None = None) -> Iterator[str]:
    """Accept connections and write the same to each, without an end if there is nothing to write; give the address."""
    ended = threading.Event()

    def serve(listener: socket.socket) -> None:
        while not ended.is_set():
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            try:
                peer = context.wrap_socket(peer, server_side=True) if context else peer
                if content is None:
                    ended.wait(20)
                else:
                    peer.recv(65_536)
                    peer.sendall(content)
            except OSError:
                continue
            finally:
                peer.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            ended.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def refusal(url: str, seconds: float = 5.0) -> str:
    with pytest.raises(Refused) as error:
        check_targets([url], seconds)
    assert error.value.exit_code == 2
    return str(error.value)


def test_a_target_that_answers_may_be_loaded() -> None:
    with serving() as server:
        check_targets([server.url, server.url])


@pytest.mark.parametrize("path", ["wrong", "stream"])
def test_any_answer_below_500_will_do(path: str) -> None:
    with serving() as server:
        check_targets([f"{server.url}/{path}"])


def test_one_that_answers_500() -> None:
    with serving() as server:
        assert "it answers 500" in refusal(f"{server.url}/failing")


def test_one_that_refuses() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert "connection refused" in refusal(f"http://127.0.0.1:{port}")


def test_one_that_resets() -> None:
    with serving() as server:
        assert "closes the connection" in refusal(f"{server.url}/reset")


def test_one_that_hangs() -> None:
    with answering(None) as address:
        assert "no answer within 0.2 s" in refusal(f"http://{address}", 0.2)


def test_one_that_speaks_something_else() -> None:
    with answering(b"SSH-2.0-OpenSSH_9.2\r\n") as address:
        assert "not HTTP" in refusal(f"http://{address}")


def test_one_without_tls() -> None:
    with answering(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n") as address:
        assert "does not speak TLS" in refusal(f"https://{address}")


def test_one_whose_certificate_nobody_known_has_signed() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", context) as address:
        assert "certificate is not trusted" in refusal(f"https://{address}")
