"""What clients send and get, and its bounds."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

MAX_TEXT = 8_000
MAX_BATCH = 100
MAX_BATCH_TEXT = 100_000
MAX_METADATA_BYTES = 4_096
MAX_METADATA_DEPTH = 4
MAX_FILTER_KEYS = 16


def storable(text: str) -> str:
    """The text, if PostgreSQL can hold it.

    Raises:
        ValueError: it has a NUL character or half of a surrogate pair.
    """
    if "\0" in text:
        raise ValueError("must not contain the NUL character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("must be valid Unicode; it has half of a surrogate pair") from None
    return text


def not_blank(text: str) -> str:
    """The text, if it is more than white space.

    Raises:
        ValueError: it isn't.
    """
    if not text.strip():
        raise ValueError("must not be blank")
    return text


def bounded(metadata: dict[str, Any]) -> dict[str, Any]:
    """The metadata, if they are small, flat enough and storable.

    Raises:
        ValueError: too large, too deep, or with text or numbers that PostgreSQL can't hold.
    """
    _walk(metadata, 1)
    try:
        size = len(json.dumps(metadata, ensure_ascii=False, allow_nan=False).encode())
    except ValueError:
        raise ValueError("must not contain NaN or infinite numbers") from None
    if size > MAX_METADATA_BYTES:
        raise ValueError(f"must be at most {MAX_METADATA_BYTES} bytes of JSON; it is {size}")
    return metadata


def _walk(value: object, depth: int) -> None:
    if isinstance(value, str):
        storable(value)
    elif isinstance(value, dict | list):
        if depth > MAX_METADATA_DEPTH:
            raise ValueError(f"must be nested at most {MAX_METADATA_DEPTH} deep")
        if isinstance(value, dict):
            for key in value:
                storable(key)
        for inner in value.values() if isinstance(value, dict) else value:
            _walk(inner, depth + 1)


Text = Annotated[
    str, Field(strict=True, min_length=1, max_length=MAX_TEXT), AfterValidator(storable), AfterValidator(not_blank)
]
Metadata = Annotated[dict[str, Any], AfterValidator(bounded)]
Scalar = (
    Annotated[str, Field(strict=True)]
    | Annotated[bool, Field(strict=True)]
    | Annotated[int, Field(strict=True)]
    | float
    | None
)
Filter = Annotated[dict[str, Scalar], Field(max_length=MAX_FILTER_KEYS), AfterValidator(bounded)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class MemoryIn(_Request):
    """A memory to be kept; without an id it gets one."""

    text: Text
    metadata: Metadata = Field(default_factory=dict)
    id: UUID | None = None


def brief(memories: list[MemoryIn]) -> list[MemoryIn]:
    """The memories, if embedding them all doesn't keep others waiting.

    Raises:
        ValueError: their texts are too long together.
    """
    total = sum(len(memory.text) for memory in memories)
    if total > MAX_BATCH_TEXT:
        raise ValueError(f"must have at most {MAX_BATCH_TEXT} characters of text together; they have {total}")
    return memories


class BatchIn(_Request):
    """Several memories, kept together or not at all."""

    memories: Annotated[list[MemoryIn], Field(min_length=1, max_length=MAX_BATCH), AfterValidator(brief)]


class SearchIn(_Request):
    """A question, and what its answers must have in common."""

    query: Text
    limit: int = Field(default=5, ge=1, le=50, strict=True)
    min_score: float = Field(default=-1.0, ge=-1.0, le=1.0, allow_inf_nan=False)
    filter: Filter = Field(default_factory=dict)


class MemoryOut(BaseModel):
    """A memory as it is kept."""

    id: UUID
    text: str
    metadata: dict[str, Any]
    created_at: datetime


class BatchOut(BaseModel):
    """The memories of a batch, in its order."""

    memories: list[MemoryOut]


class FoundOut(MemoryOut):
    """A result; `score` is the cosine similarity to the query, from -1 to 1."""

    score: float


class SearchOut(BaseModel):
    """Results, nearest first."""

    results: list[FoundOut]
