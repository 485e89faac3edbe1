import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_engine.embeddings.hashing import LONG, HashingEmbedder
from memory_engine.settings import DIMENSIONS
from memory_engine.vectors import Vector


def similarity(first: str, second: str) -> float:
    embedder = HashingEmbedder()
    return sum(a * b for a, b in zip(embedder.vector(first), embedder.vector(second), strict=True))


@given(st.text(min_size=1, max_size=200))
def test_every_text_has_a_direction_of_length_one(text: str) -> None:
    vector = HashingEmbedder().vector(text)
    assert len(vector) == DIMENSIONS
    assert math.isclose(math.hypot(*vector), 1.0, rel_tol=1e-9)


@given(st.lists(st.text(min_size=1, max_size=60), min_size=1, max_size=6))
def test_a_text_has_the_same_vector_whatever_was_embedded_before(texts: list[str]) -> None:
    used = HashingEmbedder()
    for text in texts:
        used.vector(text)
    assert [used.vector(text) for text in texts] == [HashingEmbedder().vector(text) for text in texts]


@given(st.text(alphabet=st.characters(max_codepoint=0x17F), min_size=1, max_size=80))
def test_ascii_case_does_not_matter(text: str) -> None:
    flipped = "".join(c.upper() if c in "abcdefghijklmnopqrstuvwxyz" else c for c in text)
    embedder = HashingEmbedder()
    if any(character.isalnum() for character in text):
        assert embedder.vector(flipped) == embedder.vector(text)


def test_another_process_with_another_hash_seed_computes_the_same_vector() -> None:
    text = "Maria prefers WhatsApp over e-mail, número 42"
    program = (
        "import sys; from memory_engine.embeddings.hashing import HashingEmbedder; "
        "sys.stdout.write(repr(HashingEmbedder().vector(sys.argv[1])))"
    )
    environment = {"PYTHONHASHSEED": "7", "PYTHONPATH": ":".join(sys.path), "PYTHONUTF8": "1"}
    run = subprocess.run(
        [sys.executable, "-c", program, text], env=environment, capture_output=True, text=True, check=True
    )
    assert run.stdout == repr(HashingEmbedder().vector(text))


def test_accents_do_not_matter() -> None:
    assert HashingEmbedder().vector("São Paulo, não é?") == HashingEmbedder().vector("sao paulo, nao e?")


@pytest.mark.parametrize(
    ("question", "answer", "other"),
    [
        ("when is the invoice paid?", "Acme pays invoices within thirty days", "The warehouse in Recife opens at 8"),
        (
            "what time does the warehouse open",
            "The warehouse in Recife opens at 8",
            "Maria prefers WhatsApp over e-mail",
        ),
        ("Como o Silva prefere pagamento?", "O cliente Silva prefere pagar com boleto", "A loja de Recife abre cedo"),
        ("where is order 4711", "Order 4711 was shipped on Monday", "Order 4712 was shipped on Monday"),
    ],
)
def test_a_question_is_nearer_to_its_answer_than_to_something_else(question: str, answer: str, other: str) -> None:
    assert similarity(question, answer) > similarity(question, other)


async def test_long_texts_get_the_same_vectors_as_when_embedded_one_by_one() -> None:
    texts = ["word " * LONG, "short"]
    embedder = HashingEmbedder()
    assert await embedder.embed(texts) == [Vector.of(embedder.vector(text)) for text in texts]
