"""What the model says, by language."""

from __future__ import annotations

from collections.abc import Mapping

from evals.languages import Language

PHRASES: Mapping[Language, Mapping[str, str]] = {
    "pt": {
        "order": "O pedido {id}: {fields}.",
        "unknown": "Não encontrei o pedido {id}; posso encaminhar a pergunta.",
        "no_records": "Não tenho essa informação; posso encaminhar a pergunta.",
        "decline": "Desculpe, só posso ajudar com os seus pedidos.",
        "memory": "Pelo que sei: {memory}.",
        "asked": "O cliente escreveu: {text}",
        "answered": "foi respondido: {text}",
        "open": "em aberto: {text}",
        "made_up": "chega amanhã",
    },
    "en": {
        "order": "Order {id}: {fields}.",
        "unknown": "I can't find order {id}; I can pass the question on.",
        "no_records": "I don't have that information; I can pass the question on.",
        "decline": "Sorry, I can only help with your orders.",
        "memory": "As far as I know: {memory}.",
        "asked": "The customer wrote: {text}",
        "answered": "the answer was: {text}",
        "open": "still open: {text}",
        "made_up": "it arrives tomorrow",
    },
    "es": {
        "order": "El pedido {id}: {fields}.",
        "unknown": "No encuentro el pedido {id}; puedo pasar la pregunta.",
        "no_records": "No tengo esa información; puedo pasar la pregunta.",
        "decline": "Lo siento, solo puedo ayudar con sus pedidos.",
        "memory": "Por lo que sé: {memory}.",
        "asked": "El cliente escribió: {text}",
        "answered": "se respondió: {text}",
        "open": "queda pendiente: {text}",
        "made_up": "llega mañana",
    },
}
