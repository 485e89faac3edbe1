"""What is looked for of the secrets that a checkout has: each value, also encoded as base64, for a URL or as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus, urlsplit

from optimus_ops.images.content_checks import LEAST_SECRET
from optimus_ops.secrets.value import Secret
from optimus_ops.secrets.value_types import SEPARATOR, ValueType
from optimus_ops.security.exposure.plausibility import PLACEHOLDERS
from optimus_ops.system.mask_forms import base64_forms

LOGIN = re.compile(r"[A-Za-z0-9_.-]+:(?P<password>\S+)")
"""A value that is a user's name and password."""
LEAST_DIFFERENT = 6
"""Different characters of a value that is looked for: `------------` or `aaaaaaaaaaaa` is in many files."""


@dataclass(frozen=True, slots=True)
class KnownSecret:
    """A secret that is looked for."""

    key: str
    value: Secret
    type: ValueType = "text"


@dataclass(frozen=True, slots=True)
class KnownValue:
    """One form of a secret's value: `how` is "" for the value itself, else "as base64" and the like."""

    key: str
    how: str
    content: bytes = field(repr=False)

    @property
    def shown(self) -> str:
        """The key, and how its value was written."""
        return f"{self.key} {self.how}".strip()


@dataclass(frozen=True)
class KnownValues:
    """What is looked for, the longest first, and the keys whose values are too short or plain to be looked for."""

    forms: tuple[KnownValue, ...] = field(default=(), repr=False)
    left_out: tuple[str, ...] = ()

    @property
    def keys(self) -> frozenset[str]:
        """The keys that are looked for."""
        return frozenset(form.key for form in self.forms)


def known_values(secrets: Iterable[KnownSecret]) -> KnownValues:
    """Return what to look for of secrets; what two of them share counts for the first."""
    forms: dict[bytes, KnownValue] = {}
    left_out: list[str] = []
    for secret in secrets:
        parts = [part for part in _parts(secret.value.reveal(), secret.type) if _worth(part)]
        if secret.value and not parts:
            left_out.append(secret.key)
        for part in parts:
            for how, content in _written(part).items():
                forms.setdefault(content, KnownValue(secret.key, how, content))
    longest = sorted(forms.values(), key=lambda form: -len(form.content))
    return KnownValues(tuple(longest), tuple(dict.fromkeys(left_out)))


def _worth(part: str) -> bool:
    placeholder = PLACEHOLDERS.search(part.encode())
    return len(part) >= LEAST_SECRET and len(set(part)) >= LEAST_DIFFERENT and not placeholder


def _parts(value: str, kind: ValueType) -> Iterator[str]:
    """Give what is secret in a value: each of several keys, a URL's password, lines of a PEM block, strings of JSON."""
    if kind in {"key", "keys"}:
        yield from (part.strip() for part in SEPARATOR.split(value))
    elif kind == "pem":
        yield from (line for line in value.splitlines() if len(line) >= 32 and not line.startswith("-----"))
    elif kind == "json":
        yield from _strings(json.loads(value) if _is_json(value) else value)
    elif kind == "url":
        parts = urlsplit(value)
        # Without a password the whole address is the secret, as with a webhook's.
        yield parts.password or value
    else:
        yield value
        if login := LOGIN.fullmatch(value):
            yield login["password"]


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _strings(document: object) -> Iterator[str]:
    match document:
        case str():
            yield from (line for line in document.splitlines() if not line.startswith("-----"))
        case Mapping():
            for key, inner in document.items():
                if re.search(r"key|secret|token|password", str(key), re.IGNORECASE):
                    yield from _strings(inner)
        case list():
            for inner in document:
                yield from _strings(inner)


def _written(part: str) -> Mapping[str, bytes]:
    """Return how -> content of the ways in which a value may stand in a file; the same content only once."""
    raw = part.encode()
    forms = {"": raw}
    for number, content in enumerate(base64_forms(raw)):
        forms[f"as base64{'url' if number % 2 else ''} ({number})"] = content
    forms |= {"encoded for a URL": quote(part, safe="").encode(), "encoded for a form": quote_plus(part).encode()}
    forms["as JSON"] = json.dumps(part)[1:-1].encode()
    different: dict[bytes, str] = {}
    for how, content in forms.items():
        if len(content) >= LEAST_SECRET:
            different.setdefault(content, how.partition(" (")[0])
    return {f"{how}{' ' * number}": content for number, (content, how) in enumerate(different.items())}
