"""What an embedder is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from memory_engine.vectors import Vector


class Embedder(Protocol):
    """Turns texts into unit vectors of `DIMENSIONS` numbers; texts of like meaning lie near each other."""

    @property
    def space(self) -> str:
        """Name of the vector space: vectors of different spaces are never compared."""

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """One vector for each text, in the same order.

        Raises:
            EmbeddingError: the vectors couldn't be had.
        """

    async def close(self) -> None:
        """Let go of connections."""


class EmbeddingError(Exception):
    """No vectors.

    Attributes:
        status: HTTP status for the caller.
        code: short machine-readable cause.
        retry_after: seconds after which it is worth trying again, or None.
    """

    def __init__(self, message: str, *, status: int, code: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.retry_after = retry_after
