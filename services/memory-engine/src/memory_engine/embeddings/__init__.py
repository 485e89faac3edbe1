"""Texts into vectors: the protocol, and the two ways of doing it."""

from __future__ import annotations

from memory_engine.embeddings.hashing import HashingEmbedder
from memory_engine.embeddings.protocol import Embedder, EmbeddingError
from memory_engine.settings import EmbeddingSettings
from optimus_kit.secret_watcher import SecretWatcher

__all__ = ["Embedder", "EmbeddingError", "HashingEmbedder", "embedder"]


API_KEY = "EMBEDDING_API_KEY"


def embedder(settings: EmbeddingSettings, secrets: SecretWatcher) -> Embedder:
    """The embedder that the settings name; each call to a remote one carries the key as it is then."""
    if settings.provider == "openai":
        # Its HTTP client costs memory that the embedded provider needn't pay.
        from memory_engine.embeddings.openai import OpenAIEmbedder  # noqa: PLC0415

        return OpenAIEmbedder(settings, lambda: secrets.get(API_KEY))
    return HashingEmbedder()
