"""`invoke lb.check` on the engine in memory, with a balancer that is asked over HTTP."""

from __future__ import annotations

import http.server
import itertools
import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from invoke.context import Context
from invoke.exceptions import Exit
from tests.fakes.shop import MODEL, WEB_PORT, Shop
from tests.unit.stacks import replica, stack, state

from optimus_ops.balancer import routing_check, tasks
from optimus_ops.balancer.routing import Answer, Endpoint, ask_http, endpoint_of
from optimus_ops.errors import OpsError
from optimus_ops.model.stack import PublishedPort
from optimus_ops.plan.requests import ScaleRequest
from optimus_ops.rollout.scale import scale


class Balancer(http.server.ThreadingHTTPServer):
    """A balancer: `served` gives the status and the replica of each answer."""

    daemon_threads = True
    served: Callable[[], Answer]


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers as the balancer does."""

    server: Balancer

    def do_GET(self) -> None:
        answer = self.server.served()
        self.send_response(answer.status)
        if answer.served_by:
            self.send_header("X-Served-By", answer.served_by)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_words: Any) -> None:
        return


@pytest.fixture
def balancer() -> Iterator[Balancer]:
    with Balancer(("127.0.0.1", 0), Handler) as made:
        threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
        yield made
        made.shutdown()


@pytest.fixture
def routed(tmp_path: Path, balancer: Balancer, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Return a shop with two replicas of `web`, among which the balancer takes turns."""
    monkeypatch.setattr(routing_check, "DEADLINE_SECONDS", 0.0)
    made = Shop.open(tmp_path)
    made.open_to_tasks(monkeypatch)
    scale(made.context(), ScaleRequest({"web": 2}), made.prober)
    made.process_ends()
    [container] = made.ready("nginx-lb")
    container.published = (PublishedPort("127.0.0.1", balancer.server_port, WEB_PORT),)
    turns = itertools.count()

    def served() -> Answer:
        ready = made.ready("web")
        return Answer(200, f"host-{ready[next(turns) % len(ready)].id}")

    balancer.served = served
    return made


def checked(capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], int]:
    """Return the document of `invoke lb.check --json`, and its exit code."""
    code = 0
    capsys.readouterr()
    try:
        tasks.check(Context(), json=True)
    except Exit as ended:
        code = ended.code
    return json.loads(capsys.readouterr().out), code


@pytest.mark.usefixtures("routed")
def test_each_replica_that_answers_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    document, code = checked(capsys)
    assert (code, document["good"], document["differences"]) == (0, True, [])
    [web] = document["services"]
    assert (web["service"], web["good"], web["verdict"]) == ("web", True, "all 2 answer")
    assert set(web["seen"]) == set(web["expected"])


def test_a_replica_that_gets_no_request_fails_by_name(
    routed: Shop, balancer: Balancer, capsys: pytest.CaptureFixture[str]
) -> None:
    [first, _second] = routed.ready("web")
    balancer.served = lambda: Answer(200, f"host-{first.id}")
    document, code = checked(capsys)
    assert (code, document["good"]) == (1, False)
    assert document["services"][0]["verdict"] == "no answer from shop-web-2"


@pytest.mark.usefixtures("routed")
def test_answers_without_the_name_of_a_replica_are_told_apart(
    balancer: Balancer, capsys: pytest.CaptureFixture[str]
) -> None:
    balancer.served = lambda: Answer(200, "")
    document, code = checked(capsys)
    assert code == 1
    assert "answers from (no X-Served-By), which should be gone" in document["services"][0]["verdict"]


def test_what_runs_otherwise_than_the_files_say_is_told_and_is_no_failure(
    routed: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    routed.engine.add_image("web:1", "sha256:newer")
    document, code = checked(capsys)
    assert code == 0
    assert [difference["service"] for difference in document["differences"]] == ["web"]
    tasks.check(Context(), service=["web"])
    assert "  ! " in capsys.readouterr().out


@pytest.mark.usefixtures("routed")
@pytest.mark.parametrize("name", ["nope", "worker"])
def test_a_service_that_the_balancer_does_not_route_to_is_refused(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Exit) as refused:
        tasks.check(Context(), service=[name])
    assert refused.value.code == 2
    assert name in str(refused.value.message) + capsys.readouterr().err


def test_a_stack_without_a_balancer_is_refused_with_the_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    services = {name: service for name, service in MODEL["services"].items() if name != "nginx-lb"}
    Shop.open(tmp_path, {**MODEL, "services": services}).open_to_tasks(monkeypatch)
    with pytest.raises(Exit) as refused:
        tasks.check(Context())
    assert refused.value.code == 2
    assert "name it in [tool.optimus-ops] balancer" in str(refused.value.message) + capsys.readouterr().err


def test_a_balancer_that_hangs_up_or_is_not_there_gives_no_answer(balancer: Balancer) -> None:
    def hang_up() -> Answer:
        raise ConnectionAbortedError

    balancer.served = hang_up
    balancer.handle_error = lambda *_words: None  # type: ignore[method-assign]
    assert ask_http(Endpoint("127.0.0.1", balancer.server_port)) == Answer(0, "")
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        assert ask_http(Endpoint("127.0.0.1", reserved.getsockname()[1])) == Answer(0, "")


def test_where_no_balancer_can_be_asked_the_reason_is_told() -> None:
    with pytest.raises(OpsError, match="this stack has no balancer"):
        endpoint_of(stack(**{"nginx-lb": None}), state(), "ai")
    with pytest.raises(OpsError, match=r"the balancer \(nginx-lb\) does not run"):
        endpoint_of(stack(), state(), "ai")
    with pytest.raises(OpsError, match="has no address on a network"):
        endpoint_of(stack(), state(replica("nginx-lb", published=(), addresses={"host": ""})), "ai")
