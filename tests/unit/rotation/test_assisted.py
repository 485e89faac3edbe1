"""Values that a person makes and revokes: asked for, tried where that is possible, believed where it isn't."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest
from tests.fakes.clock import FakeClock
from tests.fakes.provider_api import provider_api

from optimus_ops.errors import Refused
from optimus_ops.rotation.model import Validity, ValuePair
from optimus_ops.rotation.providers.endpoint import Endpoint
from optimus_ops.rotation.rotator import TargetFailed
from optimus_ops.rotation.rotators.assisted import AssistedRotator, read_new_value
from optimus_ops.secrets.entry import Entry
from optimus_ops.secrets.value import Secret

OLD, NEW = Secret("old-value-of-erp"), Secret("new-value-of-erp")
ENTRIES: Mapping[str, Entry] = {
    "ERP_API_KEY": Entry("ERP_API_KEY", ("Key of the ERP.",)),
    "GROQ_API_KEYS": Entry("GROQ_API_KEYS", ("Keys of Groq.",), type="keys"),
}


@dataclass
class Operator:
    """Somebody at a terminal, who gives prepared answers and keeps what was asked."""

    answers: list[str]
    asked: list[str] = field(default_factory=list)

    def __call__(self, prompt: str) -> Secret:
        """Answer; there is no more to be said after the last answer."""
        self.asked.append(prompt)
        if not self.answers:
            raise EOFError
        return Secret(self.answers.pop(0))


def rotator(
    operator: Operator | None = None, *, probe: Callable[[Secret], Validity] | None = None, given: str = ""
) -> AssistedRotator:
    """Return the rotator of two keys."""
    values = {"ERP_API_KEY": OLD, "GROQ_API_KEYS": Secret("gsk-first,gsk-second")}
    return AssistedRotator(ENTRIES, lambda: values, lambda _key: probe, operator, lambda _one_line: Secret(given))


def pair(new: Secret = NEW) -> ValuePair:
    """Return the values of a rotation."""
    return ValuePair("ERP_API_KEY", "rot-0123456789ab", OLD, new)


def test_the_operator_is_told_what_to_do_and_confirms_it() -> None:
    operator = Operator([NEW.reveal(), "yes"])
    made = rotator(operator)
    made.check("ERP_API_KEY", OLD)
    assert made.mint("ERP_API_KEY", "rot-0123456789ab", OLD) == NEW
    found = {value: made.probe(pair(), value) for value in (OLD, NEW, Secret("corrupted"))}
    assert found == {OLD: Validity.VALID, NEW: Validity.VALID, Secret("corrupted"): Validity.INVALID}
    made.disable(pair(), OLD)
    assert made.probe(pair(), OLD) is Validity.INVALID
    assert made.probe(pair(), NEW) is Validity.VALID
    assert "Key of the ERP." in operator.asked[0]
    assert "Revoke the old value there" in operator.asked[1]
    assert not any(value.reveal() in prompt for prompt in operator.asked for value in (OLD, NEW))


@pytest.mark.parametrize("answers", [["no"], [""], []])
def test_what_is_not_confirmed_is_not_taken_for_revoked(answers: list[str]) -> None:
    made = rotator(Operator(answers))
    with pytest.raises(TargetFailed, match="old value is not revoked yet") as raised:
        made.disable(pair(), OLD)
    assert "--resume" in str(raised.value)
    assert made.probe(pair(), OLD) is Validity.VALID
    with pytest.raises(TargetFailed, match="new value is not revoked yet") as raised:
        rotator(Operator([])).disable(pair(), NEW)
    assert "--rollback" in str(raised.value)


@pytest.mark.parametrize("answers", [[""], [OLD.reveal()], []])
def test_no_value_and_the_old_one_are_refused(answers: list[str]) -> None:
    with pytest.raises(Refused, match=r"no (other )?value of ERP_API_KEY was given"):
        rotator(Operator(answers)).mint("ERP_API_KEY", "rot-0123456789ab", OLD)


def test_one_member_of_a_pool_is_replaced_at_a_time() -> None:
    old = Secret("gsk-second")
    with pytest.raises(Refused, match="one key of the pool"):
        rotator(Operator(["gsk-a,gsk-b"])).mint("GROQ_API_KEYS", "rot-0123456789ab", old)
    made = rotator(Operator(["gsk-new"]))
    member = ValuePair("GROQ_API_KEYS", "rot-0123456789ab", old, made.mint("GROQ_API_KEYS", "rot-1", old), 1)
    assert made.file_values(member, current=member.new) == {"GROQ_API_KEYS": Secret("gsk-first,gsk-new")}
    assert made.settled_values(member, current=old) == {"GROQ_API_KEYS": Secret("gsk-first,gsk-second")}


def test_a_value_that_can_be_tried_needs_no_confirmation() -> None:
    with provider_api() as provider:
        keys = [provider.add("one"), provider.add("two")]
        endpoint = Endpoint(f"{provider.base}/v1", "gpt-test", FakeClock())
        values = ValuePair("ERP_API_KEY", "rot-0123456789ab", Secret(keys[0].value), Secret(keys[1].value))
        made = rotator(probe=lambda value: endpoint.probe(value)[0], given=keys[1].value)
        made.check("ERP_API_KEY", values.old)
        assert made.mint("ERP_API_KEY", values.rotation, values.old) == values.new
        with pytest.raises(TargetFailed, match="old value is still valid"):
            made.disable(values, values.old)
        provider.keys.remove(keys[0])
        made.disable(values, values.old)
        with pytest.raises(Refused, match="refused already"):
            made.check("ERP_API_KEY", values.old)


def test_where_nobody_is_there_and_nothing_can_be_tried_it_is_refused() -> None:
    with pytest.raises(Refused, match="nobody can confirm"):
        rotator(given=NEW.reveal()).check("ERP_API_KEY", OLD)


def test_values_come_from_standard_input_each_member_of_a_pool_on_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"gsk-a\r\ngsk-b\nline 1\nline 2\n")))
    assert [read_new_value(True), read_new_value(True)] == [Secret("gsk-a"), Secret("gsk-b")]
    assert read_new_value(False) == Secret("line 1\nline 2")
    assert not read_new_value(False)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff")))
    with pytest.raises(Refused, match="not UTF-8"):
        read_new_value(False)


@pytest.mark.parametrize("one_line", [True, False])
def test_a_value_that_is_too_long_is_refused_and_not_cut(monkeypatch: pytest.MonkeyPatch, one_line: bool) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a" * (256 * 1024 + 1))))
    with pytest.raises(Refused, match="longer than 256 KiB"):
        read_new_value(one_line)
