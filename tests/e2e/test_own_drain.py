"""SIGTERM to a process of the platform loses nothing."""

import signal
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from tests.e2e.asking import question, reply_of
from tests.e2e.driven import PATIENCE, OwnPlatform, until
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect


def test_ai_engine_finishes_what_it_was_asked(own_platform: OwnPlatform, http: httpx.Client) -> None:
    with own_platform.launcher.running("ai_engine", "leaving", SECRETS_DIR=inner(own_platform)) as leaving:
        leaving.wait_until_up()
        with ThreadPoolExecutor() as pool:
            answer = pool.submit(
                http.post,
                f"{leaving.url}/v1/chat/completions",
                json=question("hello", model="embedded/1500"),
                headers=own_platform.bearer("acme"),
            )
            until(lambda: in_flight(http, leaving.url) or None)
            assert leaving.terminate() == 0
        assert reply_of(answer.result()) == "Turn 1. You said: hello"
        assert answer.result().headers["Connection"] == "close"


def test_a_draining_replica_wants_no_more_work(own_platform: OwnPlatform, http: httpx.Client) -> None:
    environ = {"SECRETS_DIR": inner(own_platform), "DRAIN_DELAY": "10"}
    with own_platform.launcher.running("ai_engine", "draining", **environ) as draining:
        draining.wait_until_up()
        draining.process.terminate()
        ready = until(lambda: refusal(http.get(f"{draining.url}/ready")))
        assert ready.json()["status"] == "draining"
        # It still serves those who have not noticed yet.
        answer = http.post(
            f"{draining.url}/v1/chat/completions", json=question("hello"), headers=own_platform.bearer("acme")
        )
        assert reply_of(answer) == "Turn 1. You said: hello"
        assert answer.headers["Connection"] == "close"
        # Nobody has to notice any more: a person's signal ends the delay.
        draining.process.send_signal(signal.SIGINT)
        assert draining.ended() == 0


def test_dashboards_are_told_that_the_replica_restarts(own_platform: OwnPlatform) -> None:
    with own_platform.launcher.running("backend_orchestrator", "closing", "serve") as closing:
        closing.wait_until_up()
        url = closing.url.replace("http://", "ws://") + "/ws/dashboard"
        token = {"Authorization": f"Bearer {own_platform.secrets['DASHBOARD_TOKEN']}"}
        with connect(url, additional_headers=token, proxy=None) as socket:
            socket.recv(timeout=PATIENCE)
            closing.process.terminate()
            with pytest.raises(ConnectionClosed) as closed:
                read_to_the_end(socket)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
        assert closing.process.wait(PATIENCE) == 0


def test_a_worker_leaves_cleanly(own_platform: OwnPlatform) -> None:
    environ = {"AI_ENGINE_URL": own_platform.ai_engines[0]}
    with own_platform.launcher.running("backend_orchestrator", "retiring", "worker", **environ) as retiring:
        retiring.wait_until_up()
        assert retiring.terminate() == 0
        assert not retiring.alive_file.exists()


def read_to_the_end(socket: ClientConnection) -> None:
    while True:
        socket.recv(timeout=PATIENCE)


def inner(own_platform: OwnPlatform) -> str:
    return str(own_platform.launcher.folder / "inner")


def in_flight(http: httpx.Client, url: str) -> int:
    """Requests that a service has in hand, this one not counted."""
    metrics = http.get(f"{url}/metrics").text
    values = [
        line.rpartition(" ")[2] for line in metrics.splitlines() if line.startswith("http_server_active_requests ")
    ]
    return int(sum(map(float, values))) - 1


def refusal(answer: httpx.Response) -> httpx.Response | None:
    return answer if answer.status_code == 503 else None
