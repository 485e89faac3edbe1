from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_orchestrator.messages import decode
from backend_orchestrator.whatsapp import parse_notification

NUMBERS = {"100000000000001": "acme", "100000000000002": "globex"}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)


def payload(*messages: object, number: object = "100000000000001", statuses: object = ()) -> dict[str, object]:
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550001", "phone_number_id": number},
        "messages": list(messages),
        "statuses": statuses,
    }
    return {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [{"value": value}]}]}


def text(body: object = "hello", message_id: object = "wamid.A+/=", sender: object = "5511999990000") -> dict[str, Any]:
    return {"id": message_id, "from": sender, "timestamp": "1700000000", "type": "text", "text": {"body": body}}


def test_a_text_message_belongs_to_the_tenant_of_its_number() -> None:
    found = parse_notification(payload(text()), NUMBERS, "request-1")
    assert found.ignored == {}
    (message,) = found.messages
    assert (message.tenant, message.message_id, message.sender) == ("acme", "wamid.A+/=", "5511999990000")
    assert (message.channel, message.recipient, message.text) == ("whatsapp", "100000000000001", "hello")
    assert message.request_id == "request-1"
    assert message.session == "whatsapp-5511999990000"


@pytest.mark.parametrize(
    ("content", "written"),
    [
        ({"type": "button", "button": {"text": "Yes"}}, "Yes"),
        ({"type": "interactive", "interactive": {"type": "list_reply", "list_reply": {"title": "Track"}}}, "Track"),
        ({"type": "interactive", "interactive": {"type": "button_reply", "button_reply": {"title": "No"}}}, "No"),
        ({"type": "image", "image": {"id": "1", "caption": "my receipt"}}, "my receipt"),
    ],
)
def test_choices_and_captions_are_what_was_written(content: dict[str, object], written: str) -> None:
    (message,) = parse_notification(payload({"id": "m", "from": "1", **content}), NUMBERS).messages
    assert message.text == written


@pytest.mark.parametrize(
    ("given_payload", "ignored"),
    [
        (payload(text(), number="999"), {"unknown_number": 1}),
        (payload({"id": "m", "from": "1", "type": "audio", "audio": {"id": "1"}}), {"unsupported_type": 1}),
        (payload({"id": "m", "from": "1", "type": "image", "image": {"id": "1"}}), {"unsupported_type": 1}),
        (payload({"id": "m", "from": "1", "type": "unknown"}), {"unsupported_type": 1}),
        (payload(text(message_id="has space")), {"malformed": 1}),
        (payload(text(sender={})), {"malformed": 1}),
        (payload(text(body="  ")), {"malformed": 1}),
        (payload(statuses=[{"id": "m", "status": "read"}, {}]), {"status": 2}),
    ],
)
def test_what_is_left_out_is_counted_by_reason(given_payload: object, ignored: dict[str, int]) -> None:
    found = parse_notification(given_payload, NUMBERS)
    assert found.messages == ()
    assert found.ignored == ignored


HIDDEN = "US.13491208655302741918"


@pytest.mark.parametrize(
    ("fields", "sender"),
    [
        ({"from": "5511", "from_user_id": HIDDEN}, "5511"),
        ({"from": "", "from_user_id": HIDDEN}, HIDDEN),
        ({"from_user_id": HIDDEN}, HIDDEN),
        ({"from": None, "from_user_id": "US.ENT." + "9" * 128}, "US.ENT." + "9" * 128),
    ],
)
def test_a_sender_is_known_by_number_or_user_id(fields: dict[str, object], sender: str) -> None:
    raw = {"id": "m", "type": "text", "text": {"body": "hi"}, **fields}
    (message,) = parse_notification(payload(raw), NUMBERS).messages
    assert message.sender == sender
    assert len(message.session) <= 128


@pytest.mark.parametrize("contact", [{"wa_id": "", "user_id": HIDDEN}, {"user_id": HIDDEN}])
def test_a_sender_that_only_the_contact_names_is_known(contact: dict[str, str]) -> None:
    call: Any = payload({"id": "m", "type": "text", "text": {"body": "hi"}})
    call["entry"][0]["changes"][0]["value"]["contacts"] = [contact]
    (message,) = parse_notification(call, NUMBERS).messages
    assert message.sender == HIDDEN


def test_half_a_surrogate_pair_becomes_a_replacement_character() -> None:
    (message,) = parse_notification(payload(text("a\ud800b \ud83d\ude00")), NUMBERS).messages
    assert message.text == "a\ufffdb \U0001f600"


def test_good_messages_beside_bad_ones_are_taken() -> None:
    found = parse_notification(payload(text(message_id="a"), {}, text(message_id="b")), NUMBERS)
    assert [message.message_id for message in found.messages] == ["a", "b"]
    assert sum(found.ignored.values()) == 1


@given(json_values)
def test_any_json_is_read_without_failing(anything: object) -> None:
    assert parse_notification(anything, NUMBERS).messages == ()


@given(st.lists(json_values, max_size=5), json_values, json_values)
def test_every_item_is_either_taken_or_counted(items: list[object], number: object, statuses: object) -> None:
    found = parse_notification(payload(*items, text(), number=number, statuses=statuses), NUMBERS)
    counted = sum(count for reason, count in found.ignored.items() if reason != "status")
    assert len(found.messages) + counted == len(items) + 1


@given(
    st.text(st.characters(exclude_categories=[]), min_size=1),
    st.text(min_size=1, max_size=30),
    st.text(min_size=1, max_size=30),
)
def test_a_message_taken_survives_the_stream(body: str, message_id: str, sender: str) -> None:

    for message in parse_notification(payload(text(body, message_id, sender)), NUMBERS).messages:
        assert decode(message.encode()) == message
