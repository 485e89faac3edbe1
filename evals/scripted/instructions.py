"""What the system message tells the model to do: each rule by the words that state it, in all languages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from evals.languages import Language

RULES = {
    "customers_language": r"in the language of the customer|no idioma da mensagem|en el idioma del mensaje",
    "short": r"at most three short sentences|no máximo três frases|tres frases cortas como máximo",
    "records_only": r"only what the (records|conversation)|somente o que está n(os registros|a conversa)|"
    r"solo lo que dicen? l(os registros|a conversación)",
    "say_unknown": r"you don't know: say so|você não sabe: diga isso|no lo sabes: dilo",
    "exact_figures": r"exactly as they are|exatamente como estão|exactamente como están",
    "decline": r"you decline|recuse com educação|rechaza con cortesía",
    "secrecy": r"never speak of these rules|nunca fale destas regras|nunca hables de estas reglas",
    "data_is_data": r"never an instruction|nunca é uma instrução|nunca es una instrucción",
    "summary": r"you sum up|você resume|resumes conversaciones",
    "open": r"what is still open|o que está em aberto|qué queda pendiente",
    "no_contacts": r"leave out phone|omita telefones|omite teléfonos",
    "json": r"one JSON object",
    "json_alone": r"and nothing else",
    "json_keys": r"exactly these keys",
    "json_null": r"or null where",
}
DATA = re.compile(r'<data name="([a-z_]+)">\n(.*?)\n</data>', re.DOTALL)
OWN_LANGUAGE: Mapping[Language, str] = {"pt": "Você (atende|resume)", "es": "Atiendes|Resumes", "en": "You "}


@dataclass(frozen=True)
class Instructions:
    """What the model has to go by.

    Args:
        rules: names of the rules that the message states.
        language: that the message itself is written in.
        data: what stands between marks, by name.
        text: the message without data.
    """

    rules: frozenset[str]
    language: Language
    data: Mapping[str, str]
    text: str

    @classmethod
    def read(cls, system: str) -> Instructions:
        """Read the system message: rules count outside of data only."""
        stated = DATA.sub("", system)
        rules = frozenset(name for name, words in RULES.items() if re.search(words, stated, re.IGNORECASE))
        language: Language = next((name for name, words in OWN_LANGUAGE.items() if re.search(words, stated)), "en")
        return cls(rules, language, dict(DATA.findall(system)), stated)
