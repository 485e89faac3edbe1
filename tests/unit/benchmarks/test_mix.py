from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import replace

import pytest
from benchmarks.chat import END_OF_STREAM, ai_engine
from benchmarks.mix import Kind, Mix, MixedRequests

from optimus_ops.load.connection import Response
from optimus_ops.load.request import Request
from optimus_ops.load.result import ErrorKind

MIX = Mix(slow=0.3)


def workload(mix: Mix = MIX) -> MixedRequests:
    return MixedRequests(ai_engine("127.0.0.1", 8010), "key", mix)


def answer(request: Request) -> Response:
    """An answer as ai-engine gives it, as far as clients look."""
    head, _, body = request.content.partition(b"\r\n\r\n")
    assert b"Authorization: Bearer key" in head
    if head.startswith(b"GET /v1/models "):
        return Response(200, body=bytearray(b'{"data": [{"id": "embedded"}]}'))
    document = json.loads(body)
    content = json.dumps({"content": f"You said: {document['messages'][0]['content']}"}).encode()
    if document.get("stream"):
        content = b"data: " + content + b"\n\n" + END_OF_STREAM + b"\n\n"
    return Response(200, body=bytearray(content))


def requests(count: int = 300) -> list[Request]:
    mixed = workload()
    return [mixed.request(number % 3, number // 3) for number in range(count)]


def test_every_kind_of_request_is_answered_well() -> None:
    judged = {request.kind: workload().judge(request, answer(request)) for request in requests()}
    assert judged == dict.fromkeys((kind.value for kind in Kind), None)


def test_a_stream_without_its_end_is_truncated() -> None:
    for request in requests():
        response = answer(request)
        response.body = response.body.replace(b"DONE", b"MORE")
        expected = ErrorKind.TRUNCATED if Kind(request.kind).streams else None
        assert workload().judge(request, response) is expected


def test_an_answer_to_another_request_is_wrong() -> None:
    plain = [request for request in requests() if request.kind == Kind.QUICK.value]
    assert workload().judge(plain[0], answer(plain[1])) is ErrorKind.WRONG


def test_a_refusal_is_a_failure_whatever_its_body() -> None:
    for request in requests():
        refusal = replace(answer(request), status=429)
        assert workload().judge(request, refusal) is ErrorKind.STATUS


def test_a_mix_keeps_its_shares() -> None:
    dice, mix = random.Random(1), Mix()
    drawn = Counter(mix.draw(dice) for _ in range(100_000))
    posts = sum(count for kind, count in drawn.items() if kind.posts)
    slow = sum(count for kind, count in drawn.items() if kind.slow)
    assert posts / 100_000 == pytest.approx(0.5, abs=0.01)
    assert slow / posts == pytest.approx(0.03, abs=0.003)
    assert drawn[Kind.SLOW_STREAM] / slow == pytest.approx(0.5, abs=0.05)
    assert drawn[Kind.QUICK_STREAM] / (posts - slow) == pytest.approx(0.2, abs=0.01)


def test_clients_choose_the_same_again_and_each_otherwise() -> None:
    first, second = workload(), workload()
    kinds = [
        [mixed.request(client, number).kind for number in range(100)] for mixed in (first, second) for client in (0, 1)
    ]
    assert kinds[:2] == kinds[2:]
    assert kinds[0] != kinds[1]
