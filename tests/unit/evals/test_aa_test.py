"""A/A tests: how often the gate blocks a prompt that is compared with itself."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random

import pytest
from tests.support.task_outcome import TaskOutcome
from tests.unit.evals.conftest import Shop

from optimus_ops.evals.aa_test import COUNTS, aa_test
from optimus_ops.evals.gate.aa_test import AnswerCounts, ScoredCase, draw_gates, rate_interval
from optimus_ops.evals.gate.model import GateSettings
from optimus_ops.evals.request import EvalRequest

SETTINGS = GateSettings()


def answered(right: float, cases: int = 100) -> list[ScoredCase]:
    """Return cases whose answers are right with a probability."""
    random = Random(7)
    return [
        ScoredCase(f"case-{number}", "", tuple({"correct": float(random.random() < right)} for _ in range(COUNTS.all)))
        for number in range(cases)
    ]


def test_answers_of_one_prompt_are_blocked_as_seldom_as_the_gate_promises() -> None:
    found = draw_gates(answered(0.8), ["correct"], COUNTS, SETTINGS, 300)

    assert found.total() == 300
    assert found["fail"] / 300 <= 0.02
    assert found["inconclusive"] > 0


def test_a_gate_that_holds_single_answers_against_a_prompt_is_seen_to() -> None:
    hasty = GateSettings(fail_below=0.5, go_on=0.5, least=0.0)

    found = draw_gates(answered(0.8), ["correct"], AnswerCounts(5, 1, 1), hasty, 300)

    assert found["fail"] / 300 > 0.05


def test_the_same_answers_draw_the_same_gates() -> None:
    cases = answered(0.6, 30)

    assert draw_gates(cases, ["correct"], COUNTS, SETTINGS, 50) == draw_gates(cases, ["correct"], COUNTS, SETTINGS, 50)


@pytest.mark.parametrize(
    ("hits", "tries", "interval"), [(0, 1000, (0.0, 0.0038)), (10, 1000, (0.0054, 0.0183)), (5, 10, (0.2366, 0.7634))]
)
def test_the_interval_of_a_share_is_wilson_s(hits: int, tries: int, interval: tuple[float, float]) -> None:
    assert rate_interval(hits, tries) == pytest.approx(interval, abs=5e-5)


@pytest.fixture
def moody() -> Iterator[str]:
    """Give the address of a model that says hello three times of four."""
    random, lock = Random(3), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            with lock:
                text = "hello" if random.random() < 0.75 else "go away"
            body = json.dumps({"choices": [{"message": {"content": text}}]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        server.shutdown()


def outcome_of(shop: Shop, model: str) -> TaskOutcome:
    return TaskOutcome.of(lambda: aa_test(EvalRequest(model=model), json=True), shop.capsys, as_json=True)


def test_a_model_is_asked_for_one_gate_s_answers_and_no_more(shop: Shop, moody: str) -> None:
    evals = (shop.root / "shop_evals.py").read_text().replace("http://127.0.0.1:1/v1", moody)
    shop.write("shop_evals.py", evals.replace(', recording=root / "recorded.jsonl"', ""))

    outcome = outcome_of(shop, "recorded")

    assert outcome.code == 0, outcome.error
    (suite,) = outcome.document["suites"]
    assert (suite["suite"], suite["cases"], suite["answers"], suite["gates"]) == ("greetings", 2, 14, 1000)
    assert suite["lower"] <= suite["blocked"] <= suite["upper"]
    assert outcome_of(shop, "recorded").document == outcome.document


def test_a_model_that_always_answers_the_same_has_nothing_to_test(shop: Shop) -> None:
    outcome = outcome_of(shop, "program")

    assert (outcome.code, outcome.document) == (2, {})
    assert outcome.error is not None
    assert "always answers the same" in outcome.error.message
