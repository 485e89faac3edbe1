import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_engine.providers.base import Ask, Piece, Turn
from ai_engine.providers.embedded import Embedded, milliseconds, reply_to, tokens
from optimus_kit.errors import ApiError

TURNS = st.lists(st.builds(Turn, st.sampled_from(["system", "user", "assistant"]), st.text(max_size=40)), max_size=6)


class Waits(list[float]):
    """Notes the seconds instead of waiting."""

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


def ask(*contents: str, model: str = "embedded", max_tokens: int | None = None) -> Ask:
    return Ask(model, tuple(Turn("user", content) for content in contents), {"max_tokens": max_tokens})


@given(TURNS)
def test_the_reply_is_a_function_of_the_messages(turns: list[Turn]) -> None:
    assert reply_to(Ask("embedded", tuple(turns))) == reply_to(Ask("embedded", tuple(turns)))


def test_the_reply_tells_the_turns_and_echoes_the_last() -> None:
    assert reply_to(ask("one", "two")).text == "Turn 2. You said: two"


@given(st.text())
def test_tokens_joined_are_the_text(text: str) -> None:
    assert "".join(tokens(text)) == text


@given(st.text(max_size=60), st.integers(1, 12))
async def test_a_stream_is_the_whole_reply_in_pieces(text: str, limit: int) -> None:
    whole = await Embedded().complete(ask(text, max_tokens=limit))
    pieces = [piece async for piece in Embedded().stream(ask(text, max_tokens=limit))]
    assert pieces[0] == Piece()
    assert "".join(piece.text for piece in pieces) == whole.text
    assert pieces[-1] == Piece(finish_reason=whole.finish_reason, usage=whole.usage)


@pytest.mark.parametrize(
    ("name", "value"), [("response_format", {"type": "json_object"}), ("logprobs", True), ("modalities", ["audio"])]
)
def test_another_form_of_answer_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(ApiError) as refused:
        reply_to(Ask("embedded", (Turn("user", "a"),), {name: value}))
    assert (refused.value.status, refused.value.param) == (400, name)
    plain = {"response_format": {"type": "text"}, "logprobs": False, "modalities": ["text"]}
    assert reply_to(Ask("embedded", (Turn("user", "a"),), plain)).text == "Turn 1. You said: a"


@given(st.integers(1, 12))
def test_max_tokens_bounds_the_reply(limit: int) -> None:
    reply = reply_to(ask("a b c", max_tokens=limit))
    assert reply.usage.completion_tokens == min(limit, 7)
    assert reply.finish_reason == ("length" if limit < 7 else "stop")


async def test_the_model_sets_the_latency() -> None:
    whole, streamed = Waits(), Waits()
    await Embedded(whole).complete(ask("a b c", model="embedded/12000"))
    _ = [piece async for piece in Embedded(streamed).stream(ask("a b c", model="embedded/12000"))]
    assert whole == [12.0]
    assert len(streamed) == 7
    assert sum(streamed) == pytest.approx(12.0)


@pytest.mark.parametrize(
    "model", ["embedded/", "embedded/x", "embedded/-1", "embedded/120001", "embedded/1e3", "embedded/²"]
)
def test_a_latency_out_of_bounds_is_refused(model: str) -> None:
    with pytest.raises(ApiError) as refused:
        milliseconds(model)
    assert (refused.value.status, refused.value.param) == (400, "model")


@given(st.text(max_size=30))
def test_any_name_is_a_latency_or_not_ours_or_refused(model: str) -> None:
    try:
        latency = milliseconds(model)
    except ApiError:
        latency = 0
        assert model.startswith("embedded/")
    assert latency is None or 0 <= latency <= 120_000
