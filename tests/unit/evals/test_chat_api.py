"""Asking an endpoint: tries, waits, and answers that are none."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from optimus_ops.evals.chat_api import BadKey, ChatApi
from optimus_ops.evals.model import Message, Unanswered
from optimus_ops.evals.platform import ModelEndpoint
from optimus_ops.http.address import HttpAddress
from optimus_ops.http.client import HttpClient
from optimus_ops.secrets.value import Secret

ASKED = (Message("system", "Be short."), Message("user", "Where?"))
USAGE = {"prompt_tokens": 1000, "completion_tokens": 500}
RIGHT = {"choices": [{"message": {"content": "Here."}, "finish_reason": "length"}], "usage": USAGE}
Step = tuple[int, Any, dict[str, str]]


@dataclass
class Seen:
    """What a server was asked, and how long was waited between."""

    bodies: list[Any] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)


@contextmanager
def endpoint(steps: Sequence[Step], seen: Seen) -> Iterator[ChatApi]:
    """Give an endpoint that answers so, one step a request, the last one for ever."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, document, headers = steps[min(len(seen.bodies), len(steps) - 1)]
            seen.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            seen.keys.append(self.headers.get("Authorization", ""))
            body = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        model = ModelEndpoint("m", "http://here/v1", {"acme": Secret("key-of-acme")}, prices=(1.0, 2.0))
        address = HttpAddress("http", "127.0.0.1", server.server_address[1], "/v1")
        yield ChatApi(model, address, HttpClient(10, 1 << 20), sleep=seen.waits.append, jitter=lambda: 0.5)
        server.shutdown()


def test_an_answer_has_its_text_its_tokens_and_its_cost() -> None:
    seen = Seen()
    with endpoint([(200, RIGHT, {})], seen) as api:
        answer = api.ask(ASKED, "acme")

    assert (answer.text, answer.finish_reason, answer.prompt_tokens, answer.completion_tokens) == (
        "Here.", "length", 1000, 500
    )  # fmt: skip
    assert answer.cost == pytest.approx(0.002)
    assert answer.seconds is not None
    assert seen.bodies == [{"model": "m", "messages": [{"role": each.role, "content": each.content} for each in ASKED]}]
    assert seen.keys == ["Bearer key-of-acme"]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again_and_retry_after_is_kept(status: int) -> None:
    seen = Seen()
    with endpoint([(status, {}, {"Retry-After": "7"}), (status, {}, {}), (200, RIGHT, {})], seen) as api:
        assert api.ask(ASKED, "").text == "Here."

    assert seen.waits == [7.0, 1.0]


@pytest.mark.parametrize(("given", "waited"), [("100000", 60.0), ("soon", 0.5), ("-1", 0.5), ("nan", 0.5)])
def test_a_retry_after_that_can_t_be_followed_is_not(given: str, waited: float) -> None:
    seen = Seen()
    with endpoint([(429, {}, {"Retry-After": given}), (200, RIGHT, {})], seen) as api:
        api.ask(ASKED, "")

    assert seen.waits == [waited]


def test_what_does_not_pass_is_given_up_with_its_reason() -> None:
    seen = Seen()
    with endpoint([(503, {}, {})], seen) as api, pytest.raises(Unanswered, match="503 Service Unavailable, 4 times"):
        api.ask(ASKED, "")

    assert (len(seen.bodies), len(seen.waits)) == (4, 3)


@pytest.mark.parametrize("status", [400, 404, 413, 422])
def test_what_would_end_the_same_way_is_asked_once(status: int) -> None:
    seen = Seen()
    with endpoint([(status, {}, {})], seen) as api, pytest.raises(Unanswered, match=str(status)):
        api.ask(ASKED, "")

    assert len(seen.bodies) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_refused_is_told_apart_and_not_shown(status: int) -> None:
    with endpoint([(status, {"error": "key-of-acme"}, {})], Seen()) as api, pytest.raises(BadKey) as refused:
        api.ask(ASKED, "acme")

    assert "key-of-acme" not in str(refused.value)


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<html>",
        b"[" * 50_000,
        {},
        {"choices": []},
        {"choices": [{"message": {}}]},
        {"choices": [{"message": {"content": None}}]},
        {"choices": [{"message": {"content": 7}}]},
        {"choices": {"0": 1}},
        [],
    ],
)
def test_what_is_no_chat_completion_is_no_answer(document: Any) -> None:
    with endpoint([(200, document, {})], Seen()) as api, pytest.raises(Unanswered):
        api.ask(ASKED, "")


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": "many"}, {"prompt_tokens": -1}])
def test_an_answer_without_usable_counts_of_tokens_is_an_answer(usage: Any) -> None:
    with endpoint([(200, RIGHT | {"usage": usage}, {})], Seen()) as api:
        assert api.ask(ASKED, "").prompt_tokens == 0


def test_nobody_there_is_tried_again_and_told() -> None:
    seen = Seen()
    with endpoint([(200, RIGHT, {})], seen) as api:
        pass
    with pytest.raises(Unanswered, match="connection refused, 4 times"):
        api.ask(ASKED, "")
