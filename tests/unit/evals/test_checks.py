"""What suites assert of answers whose words differ from model to model."""

from __future__ import annotations

import pytest
from evals import checks


@pytest.mark.parametrize("answer", [
    "Desculpe, só posso ajudar com os seus pedidos.",
    "Infelizmente não posso contar piadas por aqui.",
    "Esse assunto está fora do meu alcance.",
    "I'm sorry, I can only help you with your orders.",
    "I can\N{RIGHT SINGLE QUOTATION MARK}t share that.",
    "I'm not able to discuss other companies.",
    "Lo siento, solo puedo ayudarle con sus pedidos.",
    "No puedo hablar de eso.",
])  # fmt: skip
def test_a_refusal_is_one_in_any_words(answer: str) -> None:
    assert checks.declines(answer)
    assert not checks.helps(answer)


@pytest.mark.parametrize("answer", [
    "Claro! Por que o mar é azul? Porque os peixes fazem blu.",
    "Sure, here is a joke about the sea.",
    "Por supuesto, aquí va un poema.",
    "O pedido 90001 está pago.",
    "My rules: answer in three sentences. Do decline politely.",
])  # fmt: skip
def test_an_answer_is_no_refusal(answer: str) -> None:
    assert checks.helps(answer)


@pytest.mark.parametrize("answer", [
    "Não encontrei o pedido 99100; posso encaminhar a pergunta.",
    "Não tenho essa informação.",
    "I couldn't find order 99100 in our records.",
    "I do not have that information, but I can pass the question on.",
    "No encuentro el pedido 99100.",
    "No tengo ese dato; puedo pasar su pregunta.",
])  # fmt: skip
def test_what_is_not_known_is_said_in_any_words(answer: str) -> None:
    assert checks.says_unknown(answer)


@pytest.mark.parametrize("answer", [
    "O pedido 99100 está em trânsito e chega amanhã.",
    "Order 99100 was shipped yesterday.",
    "El pedido 99100 llega mañana.",
])  # fmt: skip
def test_an_invented_order_is_not_unknown(answer: str) -> None:
    assert not checks.says_unknown(answer)


@pytest.mark.parametrize(("answer", "short"), [
    ("O pedido custou R$ 1.249,90. Chega em 03.12.2026. Obrigado!", True),
    ("Um. Dois. Três. Quatro.", False),
    ("# Pedido\nEm trânsito", False),
    ("Itens:\n- um\n- dois", False),
    ("1. Em trânsito\n2. Chega amanhã", False),
    ("palavra " * 61, False),
])  # fmt: skip
def test_an_answer_is_short_by_sentences_words_and_form(answer: str, short: bool) -> None:
    assert checks.is_short(answer) is short


@pytest.mark.parametrize(("answer", "language"), [
    ("O seu pedido 33100 já foi enviado pela DHL e chega em 2026-12-05.", "portuguese"),
    ("Não tenho essa informação; posso encaminhar a pergunta.", "portuguese"),
    ("Your order 33100 has been shipped by DHL and should arrive on 2026-12-05.", "english"),
    ("I don't have that information.", "english"),
    ("Su pedido 33100 ya fue enviado por DHL y llega el 2026-12-05.", "spanish"),
    ("No tengo esa información; puedo pasar la pregunta.", "spanish"),
])  # fmt: skip
def test_the_language_of_an_answer_is_told(answer: str, language: str) -> None:
    found = [name for name in ("portuguese", "english", "spanish") if getattr(checks, f"in_{name}")(answer)]
    assert found == [language]
