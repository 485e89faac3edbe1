"""Which language a text is written in, by its commonest words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

Language = Literal["pt", "en", "es"]

WORDS: Mapping[Language, str] = {
    "pt": r"\b(onde|está|quando|chega|meu|minha|meus|obrigad\w+|qual|você|quanto|quantos|não|olá|oi|bom|dia|boa|tarde|"
    r"foi|pago|quero|posso|por|favor|entrega|já|eu|vocês|o|um|uma|de|do|da|ao|cancelar|são|seu|sua|que)\b",
    "es": r"\b(dónde|donde|cuándo|cuando|llega|mi|mis|cuánto|cuántos|gracias|hola|usted|cuál|buenos|días|quiero|puedo|"
    r"por|favor|entrega|ya|yo|el|la|los|un|una|de|del|al|cancelar|está|su|es|fue|pagado|qué|que|y|con)\b",
    "en": r"\b(where|when|order|my|what|which|how|please|thanks|thank|you|the|is|was|has|hello|hi|good|morning|much|"
    r"many|i|want|can|to|cancel|it|arrive|paid|does|do|your|a|for|about|me|and|of|tell)\b",
}


def language_of(message: str) -> Language:
    """Return the language whose words are most; of equals the first one, Portuguese."""
    counts = {name: len(re.findall(words, message, re.IGNORECASE)) for name, words in WORDS.items()}
    return max(counts, key=counts.__getitem__)
