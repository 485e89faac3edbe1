"""What `invoke lb.check` prints of each service."""

from __future__ import annotations

import io

import pytest

from optimus_ops.balancer.routing import Routing
from optimus_ops.balancer.routing_check import show
from optimus_ops.text.console import Console


def seen(*hosts: str, failures: int = 0) -> Routing:
    failed = {"no answer": failures} if failures else {}
    return Routing("ai", "http://127.0.0.1:1/health", {"a": "shop-ai-1"}, dict.fromkeys(hosts, 2), failed)


@pytest.mark.parametrize(
    ("routing", "mark", "note"),
    [
        (seen("a"), "✓", "all 1 answer (shop-ai-1 x2)"),
        (seen(), "✗", "no answer from shop-ai-1 (no answers)"),
        (seen("a", "b"), "✗", "answers from b, which should be gone (shop-ai-1 x2, b x2)"),
        (seen("a", failures=3), "✗", "3 x no answer (shop-ai-1 x2)"),
    ],
)
def test_a_tick_stands_in_front_of_what_is_good_and_of_nothing_else(routing: Routing, mark: str, note: str) -> None:
    stream = io.StringIO()
    assert show(Console(stream, live=False, colour=False), "ai through edge", lambda: routing) is routing
    assert stream.getvalue().startswith(f"{mark} ai through edge · {note} (")
