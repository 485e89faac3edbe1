"""Taking out of texts what says who somebody is: each value becomes a placeholder, the same one each time.

Names of people, addresses and what is written out in words are not recognised: a person has to read the result.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from optimus_ops.errors import Refused
from optimus_ops.system.output_masking import masked

HIDDEN = frozenset({"Cc", "Cf"})
"""Categories of characters that are not seen."""
BY_HAND = "write the case by hand"
LONGEST_WORD = 60
"""A longer one is encoded: nobody can tell what is in it."""
PATTERNS = (
    ("e-mail", re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")),
    ("address", re.compile(r"\b\w+://\S+")),
    ("key", re.compile(r"\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])(?:sk|pk|ghp|gho|xox\w|AKIA|eyJ)[\w.-]{12,}")),
    ("key", re.compile(r"\b(?=\w*\d)(?=\w*[a-z])(?=\w*[A-Z])\w{20,}\b")),
    ("key", re.compile(r"\b[0-9a-fA-F]{32,}\b")),
    ("document", re.compile(r"\b\d{3}\.\d{3}\.\d{3}-\d{2}\b|\b\d{2}\.\d{3}\.\d{3}/\d{4}-\d{2}\b")),
    ("card", re.compile(r"\b(?:\d[ -]?){15}\d\b")),
    (
        "phone",
        re.compile(
            r"(?<![\w,.])(?:\+\d{1,3}[ .-]?)?(?:\(\d{2,3}\)[ .-]?|\d{2,3}[ .-])\d{4,5}[ .-]?\d{4}\b"
            r"|\+?\b\d{10,14}\b"
        ),
    ),
)


@dataclass
class Redaction:
    """Replaces values.

    Args:
        names: names that may not stay, such as those of tenants.
    """

    names: Sequence[str] = ()
    _known: dict[tuple[str, str], str] = field(default_factory=dict)

    def redact(self, text: str) -> str:
        """Return a text without what is recognised.

        Raises:
            Refused: something in it can't be looked into.
        """
        hidden = [each for each in text if unicodedata.category(each) in HIDDEN and each not in "\n\t\r"]
        if hidden:
            raise Refused(f"a message has the character U+{ord(hidden[0]):04X}, which may hide something", BY_HAND)
        if masked(text) != text:
            raise Refused("a message has the value of a secret of this project", "rotate it: invoke secrets.rotate")
        # Wide letters and digits are those that they stand for.
        text = unicodedata.normalize("NFKC", text)
        for kind, pattern in (*PATTERNS, *self._patterns_of_names()):
            text = pattern.sub(lambda found, kind=kind: self._placeholder(kind, found.group()), text)  # type: ignore[misc]
        if any(len(word) > LONGEST_WORD for word in text.split()):
            raise Refused(f"a message has a word of more than {LONGEST_WORD} characters", BY_HAND)
        return text

    @property
    def counts(self) -> Counter[str]:
        """How many values of each kind were replaced."""
        return Counter(kind for kind, _ in self._known)

    def _patterns_of_names(self) -> list[tuple[str, re.Pattern[str]]]:
        names = sorted({name.strip() for name in self.names if name.strip()}, key=len, reverse=True)
        return [("name", re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.IGNORECASE)) for name in names]

    def _placeholder(self, kind: str, value: str) -> str:
        key = kind, value.casefold()
        if key not in self._known:
            self._known[key] = f"<{kind}-{self.counts[kind] + 1}>"
        return self._known[key]
