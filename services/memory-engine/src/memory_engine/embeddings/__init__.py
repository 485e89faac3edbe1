"""Texts into vectors: the protocol, and the two ways of doing it."""

from __future__ import annotations

from memory_engine.embeddings.hashing import HashingEmbedder
from memory_engine.embeddings.protocol import Embedder, EmbeddingError
from memory_engine.settings import EmbeddingSettings

__all__ = ["Embedder", "EmbeddingError", "HashingEmbedder", "embedder"]


def embedder(settings: EmbeddingSettings) -> Embedder:
    """The embedder that the settings name."""
    if settings.provider == "openai":
        # Its HTTP client costs memory that the embedded provider needn't pay.
        from memory_engine.embeddings.openai import OpenAIEmbedder  # noqa: PLC0415

        return OpenAIEmbedder(settings)
    return HashingEmbedder()
