"""Marks around foreign text: nothing in it may pass for the mark that ends it. As the services' prompts have it.

`optimus_kit.prompts.marks` is the same: the library knows no service. A test compares the two.
"""

from __future__ import annotations

import re
import unicodedata

LESS_THAN = re.compile(
    "[<\N{SMALL LESS-THAN SIGN}\N{FULLWIDTH LESS-THAN SIGN}]"
    r"(?=[\s\u200d\ufe0f/\N{FULLWIDTH SOLIDUS}]*(\w[\w\u200d\ufe0f]*))"
)
"""With the word that follows; joiners and selectors, which make emoji, are not seen between letters."""
LOOKALIKE = "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}"
"""What stands for the first character of a mark in foreign text."""
UNSEEN = str.maketrans("", "", "\u200d\ufe0f")


def without_marks(text: str) -> str:
    """Return a text without tags `data`, however they are written: `</ DATA>`, in wide letters, with joiners."""
    return LESS_THAN.sub(lambda found: LOOKALIKE if _is_mark(found.group(1)) else found.group(), text)


def _is_mark(word: str) -> bool:
    return unicodedata.normalize("NFKC", word.translate(UNSEEN)).casefold() == "data"
