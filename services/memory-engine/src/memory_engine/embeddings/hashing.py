"""Embeddings without a model: signed feature hashing of words, stems, word pairs and character n-grams.

Method: Weinberger et al., "Feature Hashing for Large Scale Multitask Learning" (2009), with subword features as in
Bojanowski et al., "Enriching Word Vectors with Subword Information" (2017). Texts that share words, stems or spellings
come near each other; synonyms don't. The hash is BLAKE2b, so that a text has the same vector in every process, on every
machine and Python version (but for characters that a later Unicode version adds).
"""

from __future__ import annotations

import asyncio
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import pairwise

from memory_engine.settings import DIMENSIONS
from memory_engine.vectors import Vector

SPACE = "embedded-v1"
"""Changes whenever the same text would get another vector."""

NGRAM_SIZES = (3, 4)
WORD_WEIGHT, STEM_WEIGHT, NGRAM_WEIGHT, PAIR_WEIGHT = 0.8, 0.8, 1.0, 0.5
STEM = 5
"""Characters of a word that stand for its stem: crude, but the same for every language with endings."""

FULL_LENGTH = 6
"""Characters from which on a word has full weight."""

CACHED_WORDS = 4_096
CACHED_WORD_LENGTH = 16

LONG = 2_000
"""Characters from which on embedding takes long enough to be felt by others (about 5 ms)."""

WORD = re.compile(r"\w+")

Features = tuple[tuple[int, float], ...]
"""Pairs of position and signed weight."""


class HashingEmbedder:
    """The `embedded` provider: deterministic, offline, some 75 µs for a sentence.

    It keeps the features of the words met last, because a language uses few words often: some 5 MB when full. Long
    texts are worked on in a thread, so that other requests go on meanwhile.
    """

    def __init__(self) -> None:
        self._word_features = lru_cache(maxsize=CACHED_WORDS)(word_features)

    @property
    def space(self) -> str:
        """Name of the vector space."""
        return SPACE

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """One vector for each text; never fails."""
        if sum(map(len, texts)) > LONG:
            return await asyncio.to_thread(self._vectors, texts)
        return self._vectors(texts)

    def _vectors(self, texts: Sequence[str]) -> list[Vector]:
        return [Vector.of(self.vector(text)) for text in texts]

    async def close(self) -> None:
        """Nothing to let go of."""

    def vector(self, text: str) -> list[float]:
        """The text's unit vector of `DIMENSIONS` numbers. A word's weight grows with the logarithm of its count."""
        words = WORD.findall(normalised(text))
        sums = [0.0] * DIMENSIONS
        for word, count in Counter(words).items():
            known = self._word_features if len(word) <= CACHED_WORD_LENGTH else word_features
            for position, weight in known(word):
                sums[position] += (1.0 + math.log(count)) * weight
        for (first, second), count in Counter(pairwise(words)).items():
            position, sign = slot(f"pair:{first} {second}")
            importance_of_both = math.sqrt(importance(first) * importance(second))
            sums[position] += sign * PAIR_WEIGHT * importance_of_both * (1.0 + math.log(count))
        return unit(sums, text)


def normalised(text: str) -> str:
    """The text without what rarely matters for meaning: case, accents, compatibility forms."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def word_features(word: str) -> Features:
    """The features of one word: itself, its stem, and its character n-grams, which weigh `NGRAM_WEIGHT` together."""
    grams = list(ngrams(word))
    weighed = [
        (f"word:{word}", WORD_WEIGHT),
        (f"stem:{word[:STEM]}", STEM_WEIGHT),
        *((gram, NGRAM_WEIGHT / math.sqrt(len(grams))) for gram in grams),
    ]
    scale = importance(word)
    return tuple((position, sign * weight * scale) for (position, sign), weight in ((slot(f), w) for f, w in weighed))


def importance(word: str) -> float:
    """How much a word counts, up to 1: short ones are mostly function words, unless they are numbers."""
    if any(character.isdigit() for character in word):
        return 1.0
    return min(1.0, math.pow(len(word) / FULL_LENGTH, 1.5))


def ngrams(word: str) -> Iterator[str]:
    """The word's character n-grams, its ends marked, so that a prefix differs from the same letters inside a word."""
    marked = f"<{word}>"
    for size in NGRAM_SIZES:
        for start in range(max(1, len(marked) - size + 1)):
            yield f"gram:{marked[start : start + size]}"


def slot(feature: str) -> tuple[int, float]:
    """Where a feature is counted, and with which sign."""
    number = int.from_bytes(blake2b(feature.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
    return (number >> 1) % DIMENSIONS, 1.0 if number & 1 else -1.0


def unit(sums: list[float], text: str) -> list[float]:
    """The vector at length 1.

    A text without words, or whose features cancel out, gets a direction of its own: zero has no cosine.
    """
    length = math.sqrt(math.fsum(value * value for value in sums))
    if length < 1e-9:
        position, sign = slot(f"text:{text}")
        return [sign if at == position else 0.0 for at in range(DIMENSIONS)]
    return [value / length for value in sums]
