"""What is streamed to clients, read as the standard says and as many clients do."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ai_engine.providers.base import Piece
from ai_engine.providers.sse import EventDecoder
from ai_engine.replies import Chunks, event

# Lone surrogates and everything that some reader takes for the end of a line included.
TEXT = st.text(st.characters(codec=None) | st.sampled_from("\r\n\u2028\u2029\x85\x0b\x0c\x1c\ud83d"))


def read(stream: bytes) -> list[Any]:
    """Read a stream as the standard says, and make sure that a reader by `str.splitlines` sees the same."""
    lines = [line for line in stream.decode().splitlines() if line]
    found = [event.data for event in EventDecoder().feed(stream)]
    assert [line.removeprefix("data: ") for line in lines] == found
    return [json.loads(data) for data in found]


@given(st.dictionaries(TEXT, TEXT | st.integers() | st.lists(TEXT)))
def test_any_document_is_one_event_of_one_line(document: dict[str, Any]) -> None:
    assert read(event(document)) == [document]


@given(TEXT, st.booleans())
def test_any_text_reaches_the_client(text: str, ends: bool) -> None:
    chunks = Chunks("id", 0, "m").piece(Piece(text, "stop" if ends else None))
    choices = [chunk["choices"][0] for chunk in read(chunks)]
    assert "".join(choice["delta"].get("content", "") for choice in choices) == text
    assert [choice["finish_reason"] for choice in choices if choice["finish_reason"]] == ["stop"] * ends
