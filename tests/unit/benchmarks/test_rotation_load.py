from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.rotation_load import CHAT, LIST, MODEL, GivenOut, StoreRequests, rotating_endpoint

from optimus_ops.load.connection import Response
from optimus_ops.load.result import ErrorKind

LOAD = StoreRequests(rotating_endpoint(8010), lambda: "key", "gpt-test")


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({"x-recall": "empty"}, None),
        ({"x-recall": "used"}, None),
        ({"x-recall": "unavailable"}, ErrorKind.WRONG),
        ({}, ErrorKind.WRONG),
        ({"x-recall": "empty", "x-session-stored": "false"}, ErrorKind.WRONG),
    ],
)
def test_a_turn_without_one_of_the_stores_is_a_failure(headers: dict[str, str], error: ErrorKind | None) -> None:
    request = LOAD.request(1, 2)
    assert b"X-Recall: true\r\n" in request.content
    assert b"X-Session-Durable: true\r\n" in request.content
    body = bytearray(f"You said: The word is {request.name}.".encode())
    assert LOAD.judge(request, Response(200, headers=headers, body=body)) is error


def test_lists_turns_and_turns_of_a_provider_take_turns() -> None:
    kinds = [LOAD.request(0, number).kind for number in range(6)]
    assert kinds == [LIST, MODEL, CHAT, LIST, MODEL, CHAT]


def test_a_key_that_changed_is_used_by_the_next_request(tmp_path: Path) -> None:
    path = tmp_path / "env.secrets"
    path.write_text("A=1\nKEY='old'\n")
    given = GivenOut(path, "KEY")
    assert given.value() == "old"
    (tmp_path / "new").write_text("A=1\nKEY=new\n")
    (tmp_path / "new").replace(path)
    assert given.value() == "new"
