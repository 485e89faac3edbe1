"""Cases from production: what a trace has, without what says who somebody is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.unit.traces.spans import span
from tests.unit.traces.store_server import IDS, serving, tempo

from optimus_ops.errors import Refused
from optimus_ops.evals.add_case import CUT_CHARACTERS, INPUT, VERSION, AddRequest, add_case, keep_case
from optimus_ops.evals.platform import EvalPlatform
from optimus_ops.evals.redact import Redaction
from optimus_ops.evals.suite_file import read_suite
from optimus_ops.traces.model import Trace

REQUEST = AddRequest("", "production", "an order was not found", ("48211",))
SAID = [
    {"role": "system", "content": "You answer customers of Acme."},
    {"role": "user", "content": "I am ada@example.com, call +55 11 91234-5678"},
    {"role": "assistant", "content": "Thanks, ada@example.com."},
    {"role": "user", "content": "Where is order 48211 of Acme Corporation?"},
]


def trace(said: Any) -> Trace:
    content = said if isinstance(said, str) else json.dumps(said)
    version = span(1, attributes={VERSION: "answer-message/acme/pt-BR@1130eb2a1be6"})
    return Trace("1" * 32, (version, span(2, 1, attributes={INPUT: content})))


def platform(folder: Path) -> EvalPlatform:
    return EvalPlatform(folder, folder, (), {}, private_names=("acme", "Acme Corporation"))


def test_a_conversation_becomes_a_case_without_what_says_who_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep_case(trace(SAID), REQUEST, platform(tmp_path), tmp_path)

    (case,) = read_suite(tmp_path / "production.jsonl", tmp_path).cases
    assert [(each.role, each.content) for each in case.messages] == [
        ("user", "I am <e-mail-1>, call <phone-1>"),
        ("assistant", "Thanks, <e-mail-1>."),
        ("user", "Where is order 48211 of <name-1>?"),
    ]
    assert (case.prompt, case.locale, case.source, case.reason) == (
        "answer-message", "pt-BR", "production", "an order was not found"
    )  # fmt: skip
    assert "redacted: 1 e-mail, 1 name, 1 phone" in capsys.readouterr().out


def test_the_same_trace_is_no_second_case(tmp_path: Path) -> None:
    keep_case(trace(SAID), REQUEST, platform(tmp_path), tmp_path)

    with pytest.raises(Refused, match=r"production\.jsonl:2:1: the id 'trace-1111111111111111' is already"):
        keep_case(trace(SAID), REQUEST, platform(tmp_path), tmp_path)

    assert len((tmp_path / "production.jsonl").read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ([{"role": "user", "content": "a" * CUT_CHARACTERS}], "parts of long messages alone"),
        ([{"role": "user", "content": "look: " + "QUJD" * 20}], "<key|word of more than"),
        ([{"role": "user", "content": "a\u200bda@example.com"}], r"U\+200B"),
        ([{"role": "assistant", "content": "Hello"}], "no conversation that a user ends"),
        ([{"role": "system", "content": "You answer."}], "no conversation that a user ends"),
        ('[{"role": "user", "cont', "can't be read"),
        ([["user", "Hello"]], "can't be read"),
    ],
)
def test_what_can_t_be_redacted_or_is_not_whole_is_refused_and_nothing_is_written(
    tmp_path: Path, said: Any, message: str
) -> None:
    with pytest.raises(Refused, match=message):
        keep_case(trace(said), REQUEST, platform(tmp_path), tmp_path)

    assert not list(tmp_path.iterdir())


def test_a_trace_without_content_says_what_keeps_it(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="has nothing of what was said") as refused:
        keep_case(Trace("1" * 32, (span(1),)), REQUEST, platform(tmp_path), tmp_path)

    assert "OTEL_CAPTURE_CONTENT=true" in str(refused.value.hint)


def test_a_suite_in_yaml_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "production.yaml").write_text("cases: []\n")

    with pytest.raises(Refused, match="--suite production: a suite of JSON lines is wanted"):
        keep_case(trace(SAID), REQUEST, platform(tmp_path), tmp_path)


@pytest.mark.usefixtures("shop")
def test_the_store_is_asked_for_the_trace() -> None:
    with serving(tempo()) as server, pytest.raises(Refused, match="has nothing of what was said"):
        add_case(AddRequest(IDS["trace_id"], "production", "why", ("x",), f"http://127.0.0.1:{server.port}"))


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("mail ADA@Example.com and ada@example.com", "mail <e-mail-1> and <e-mail-1>"),
        ("a@b.com c@d.org a@b.com", "<e-mail-1> <e-mail-2> <e-mail-1>"),
        ("(11) 91234-5678 or 5511912345678", "<phone-1> or <phone-2>"),
        ("cpf 123.456.789-09, cnpj 12.345.678/0001-95", "cpf <document-1>, cnpj <document-2>"),
        ("card 4111 1111 1111 1111", "card <card-1>"),
        ("sk-abc123def456ghi789 is my key", "<key-1> is my key"),
        ("see https://u:p@host/x?token=1", "see <address-1>"),
        ("ACME and Acme Corporation and acmeology", "<name-2> and <name-1> and acmeology"),
        ("order 48211 costs R$ 1.249,90 on 2026-12-03", "order 48211 costs R$ 1.249,90 on 2026-12-03"),
        ("\uff41\uff44\uff41@example.com", "<e-mail-1>"),
    ],
)
def test_values_are_replaced_by_stable_placeholders_and_orders_stay(text: str, redacted: str) -> None:
    assert Redaction(("acme", "Acme Corporation")).redact(text) == redacted
