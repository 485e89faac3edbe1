"""Prompts, their variables, and what comes of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

VariableType = Literal["text", "data", "integer", "choice"]
MAX_TEXT = 200
MAX_DATA = 20_000


class PromptError(ValueError):
    """A prompt can't be read or rendered; the message names the file or the variable and quotes no value."""


@dataclass(frozen=True)
class Variable:
    """What may be put into a prompt.

    Args:
        type: `text` is one line, put where it stands; `data` is foreign text of any length, put between marks;
            `integer` is a whole number, `choice` one of `choices`.
        optional: whether it may be left out or empty; the section that it stands in is then left out.
        most: longest value, in characters.
    """

    name: str
    type: VariableType
    optional: bool = False
    most: int = MAX_TEXT
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Slot:
    """Where a variable goes."""

    name: str


@dataclass(frozen=True)
class Section:
    """A part of a template that stands only where its variable has a value; the name is "" for the whole."""

    name: str
    parts: tuple["str | Slot | Section", ...]


@dataclass(frozen=True)
class Variant:
    """One text of a prompt.

    Args:
        tenant: whose it is; "" for everybody's.
        version: changes with the text and with the variables: the first 12 digits of a SHA-256.
    """

    locale: str
    tenant: str
    template: Section
    version: str


@dataclass(frozen=True)
class Prompt:
    """A prompt with all its variants."""

    name: str
    summary: str
    default_locale: str
    variables: Mapping[str, Variable]
    variants: tuple[Variant, ...]

    def variant(self, tenant: str, locale: str) -> Variant:
        """Return the text for a tenant and a locale: in its language, else the default one; its own first."""
        language = locale.partition("-")[0]

        def closeness(variant: Variant) -> tuple[bool, bool, bool, bool]:
            same = variant.locale.partition("-")[0] == language
            return same, same or variant.locale == self.default_locale, bool(variant.tenant), variant.locale == locale

        return max((each for each in self.variants if each.tenant in {"", tenant}), key=closeness)


@dataclass(frozen=True)
class Rendered:
    """The text for the model, and which version of which prompt it is: `answer-message/pt-BR@5f2c…`."""

    text: str
    version: str
