import json

import httpx
import pytest
from tests.support.http_answers import AnsweredBy
from tests.support.http_answers import Serve as Answer

from memory_engine.embeddings import EmbeddingError
from memory_engine.embeddings.openai import OpenAIEmbedder
from memory_engine.settings import DIMENSIONS, EmbeddingSettings
from optimus_kit.http_client import ConnectError, PoolTimeout, ReadTimeout

SETTINGS = EmbeddingSettings("openai", "https://models.example/v1", "small")


def axis(number: int, length: float = 1.0) -> list[float]:
    return [length if at == number else 0.0 for at in range(DIMENSIONS)]


def answering(answer: Answer, settings: EmbeddingSettings = SETTINGS) -> OpenAIEmbedder:
    return OpenAIEmbedder(settings, lambda: "the-key", AnsweredBy(answer))


def vectors(*embeddings: list[float]) -> Answer:
    data = [{"index": index, "embedding": embedding} for index, embedding in enumerate(embeddings)]
    return lambda _: httpx.Response(200, json={"data": data[::-1]})


async def failure(answer: Answer) -> EmbeddingError:
    with pytest.raises(EmbeddingError) as failed:
        await answering(answer).embed(["one"])
    return failed.value


async def test_vectors_come_in_the_order_of_the_texts_and_at_length_one() -> None:
    got = await answering(vectors(axis(0, 2.0), axis(1, 5.0))).embed(["one", "two"])
    assert [vector.values() for vector in got] == [axis(0), axis(1)]


async def test_the_request_is_what_the_protocol_says() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return vectors(axis(0))(request)

    await answering(answer).embed(["one"])
    assert str(seen[0].url) == "https://models.example/v1/embeddings"
    assert seen[0].headers["Authorization"] == "Bearer the-key"
    assert json.loads(seen[0].content) == {
        "model": "small",
        "input": ["one"],
        "encoding_format": "float",
        "dimensions": DIMENSIONS,
    }


async def test_each_call_carries_the_key_as_it_is_then() -> None:
    seen: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("Authorization"))
        return vectors(axis(0))(request)

    keys: list[str | None] = ["old", "new", None]
    embedder = OpenAIEmbedder(SETTINGS, lambda: keys.pop(0), AnsweredBy(answer))
    for _ in range(3):
        await embedder.embed(["one"])
    assert seen == ["Bearer old", "Bearer new", None]


async def test_an_endpoint_that_does_not_know_dimensions_is_not_asked_for_them() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return vectors(axis(0))(request) if b"dimensions" not in request.content else httpx.Response(400)

    settings = EmbeddingSettings("openai", "https://models.example/v1", "small", request_dimensions=False)
    assert len(await answering(answer, settings).embed(["one"])) == 1


def test_every_model_has_a_space_of_its_own() -> None:
    other = EmbeddingSettings("openai", "https://models.example/v1", "large")
    assert OpenAIEmbedder(SETTINGS, str).space != OpenAIEmbedder(other, str).space


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (httpx.Response(401), 502, "embeddings_key_refused"),
        (httpx.Response(429), 503, "embeddings_busy"),
        (httpx.Response(500), 502, "embeddings_failed"),
        (httpx.Response(200, text="<html>"), 502, "embeddings_unusable"),
        (httpx.Response(200, json={"data": []}), 502, "embeddings_unusable"),
        (httpx.Response(200, json={"data": [{"index": 0, "embedding": [1.0]}]}), 502, "embeddings_unusable"),
        (httpx.Response(200, json={"data": [{"index": 0, "embedding": axis(0, 0.0)}]}), 502, "embeddings_unusable"),
        (httpx.Response(200, json={"data": [{"index": 1, "embedding": axis(0)}]}), 502, "embeddings_unusable"),
    ],
)
async def test_answers_that_are_no_use_are_errors_of_their_own(answer: httpx.Response, status: int, code: str) -> None:
    failed = await failure(lambda _: answer)
    assert (failed.status, failed.code) == (status, code)


@pytest.mark.parametrize(("header", "seconds"), [("7", 7), ("9999", 60), ("soon", 1), ("", 1)])
async def test_a_limit_says_when_to_come_back(header: str, seconds: int) -> None:
    failed = await failure(lambda _: httpx.Response(429, headers={"Retry-After": header}))
    assert failed.retry_after == seconds


@pytest.mark.parametrize(
    ("error", "status"), [(ReadTimeout("late"), 504), (ConnectError("no route to models.example"), 502)]
)
async def test_an_endpoint_that_is_away_is_an_error_that_names_no_address(error: Exception, status: int) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise error

    failed = await failure(answer)
    assert failed.status == status
    assert "models.example" not in failed.message


async def test_no_free_connection_is_overload_and_not_the_endpoints_time_out() -> None:
    def no_connection(_: httpx.Request) -> httpx.Response:
        raise PoolTimeout("")

    failed = await failure(no_connection)
    assert (failed.status, failed.code, failed.retry_after) == (503, "overloaded", 1)


async def test_a_retry_after_without_end_is_a_minute() -> None:
    failed = await failure(lambda _: httpx.Response(429, headers={"Retry-After": "9" * 5000}))
    assert failed.retry_after == 60
