"""Embeddings from any endpoint that speaks OpenAI's `POST /v1/embeddings`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from pydantic import BaseModel, ValidationError

from memory_engine.embeddings.protocol import EmbeddingError
from memory_engine.settings import DIMENSIONS, EmbeddingSettings
from memory_engine.vectors import Vector
from optimus_kit.http_client import Answer, HttpError, HttpTimeout, Limits, PoolTimeout, Timeouts, Transport
from optimus_kit.traced_client import OutsideClient

CONNECTIONS = 64
"""To the endpoint, from this process."""


class OpenAIEmbedder:
    """The `openai` provider.

    Args:
        settings: endpoint and model.
        api_key: returns the bearer token for the endpoint, or None; asked for each call.
        transport: how requests travel; tests hand in their own.
    """

    def __init__(
        self,
        settings: EmbeddingSettings,
        api_key: Callable[[], str | None],
        transport: Transport | None = None,
    ) -> None:
        self._settings = settings
        self._api_key = api_key
        seconds = settings.timeout
        timeouts = Timeouts(seconds, seconds, total=seconds)
        self._client = OutsideClient(limits=Limits(CONNECTIONS), timeouts=timeouts, transport=transport)

    @property
    def space(self) -> str:
        """The model's name: each model has a vector space of its own."""
        return f"openai:{self._settings.model}"

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """One call for all texts.

        Raises:
            EmbeddingError: the endpoint didn't answer in time, refused, or answered with something else than vectors of
                the right length.
        """
        request: dict[str, object] = {"model": self._settings.model, "input": list(texts), "encoding_format": "float"}
        if self._settings.request_dimensions:
            request["dimensions"] = DIMENSIONS
        key = self._api_key()
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        try:
            response = await self._client.post(f"{self._settings.base_url}/embeddings", json=request, headers=headers)
        except PoolTimeout:
            # Never asked: that says nothing about the endpoint.
            raise EmbeddingError(
                "too many embeddings are under way", status=503, code="overloaded", retry_after=1
            ) from None
        except HttpTimeout:
            raise EmbeddingError(
                "the embeddings endpoint didn't answer in time", status=504, code="embeddings_timeout"
            ) from None
        except HttpError:
            raise EmbeddingError(
                "the embeddings endpoint can't be reached", status=502, code="embeddings_unreachable"
            ) from None
        if response.status != 200:
            raise refusal(response)
        return vectors_of(response.content, len(texts))

    async def close(self) -> None:
        """Close the connections to the endpoint."""
        await self._client.aclose()


class _Item(BaseModel):
    index: int
    embedding: list[float]


class _Answer(BaseModel):
    data: list[_Item]


def refusal(response: Answer) -> EmbeddingError:
    """What an answer other than 200 means for our caller. The endpoint's own text stays here: it may quote the key."""
    status = response.status
    if status in {429, 503}:
        return EmbeddingError(
            "the embeddings endpoint is over its limit",
            status=503,
            code="embeddings_busy",
            retry_after=retry_after(response),
        )
    if status in {401, 403}:
        return EmbeddingError("the embeddings endpoint refused the key", status=502, code="embeddings_key_refused")
    return EmbeddingError(f"the embeddings endpoint answered {status}", status=502, code="embeddings_failed")


def retry_after(response: Answer) -> int:
    """Seconds the endpoint asks us to wait, between 1 and 60; 1 where it doesn't say."""
    stated = response.headers.get("Retry-After", "")
    return min(60, max(1, int(stated[:9]))) if stated.isascii() and stated.isdigit() else 1


def vectors_of(body: bytes, count: int) -> list[Vector]:
    """The vectors in an answer, in the order of the texts, each at length 1.

    Raises:
        EmbeddingError: it isn't an embeddings answer, or the vectors have another length than the database's column.
    """
    try:
        items = sorted(_Answer.model_validate_json(body).data, key=lambda item: item.index)
    except ValidationError:
        raise _unusable("isn't an embeddings answer") from None
    if [item.index for item in items] != list(range(count)):
        raise _unusable(f"has {len(items)} embeddings for {count} texts")
    return [Vector.of(unit(item.embedding)) for item in items]


def unit(values: list[float]) -> list[float]:
    """The vector at length 1.

    Raises:
        EmbeddingError: it has another number of dimensions, is zero, or holds something else than finite numbers.
    """
    if len(values) != DIMENSIONS:
        raise _unusable(f"has vectors of {len(values)} dimensions; this service stores {DIMENSIONS}")
    length = math.hypot(*values)
    if not math.isfinite(length) or length == 0:
        raise _unusable("has a vector without a direction")
    return [value / length for value in values]


def _unusable(what: str) -> EmbeddingError:
    return EmbeddingError(f"the embeddings endpoint's answer {what}", status=502, code="embeddings_unusable")
