"""Types of flags: each parses the text that a flag was given and complains about what it can't be.

A task says so by an annotation, through an alias in its own module:

    HealthySeconds = Annotated[float, Seconds(least=1)]

    @task(help=…)
    def deploy(_: Context, healthy_within: HealthySeconds = 180) -> None: …
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, get_args

DIGEST = re.compile(r"sha(256|384|512):", re.IGNORECASE)
TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
NAME_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
HOST = r"(?:[A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?"
IMAGE = re.compile(rf"(?:{TAG}|(?:{HOST}/)?{NAME_PART}(?:/{NAME_PART})*(?::{TAG})?(?:@sha256:[0-9a-f]{{64}})?)")
"""A tag, or the name of an image (https://pkg.go.dev/github.com/distribution/reference)."""
MOST_IMAGE = 255
NAMESPACE = re.compile(rf"{HOST}(?:/{NAME_PART})+")


class FlagType(Protocol):
    """Parses the text of a flag."""

    def parse(self, text: str, flag: str) -> Any:
        """Return the value; raise `Refused`, naming the flag, if the text is none."""


@dataclass(frozen=True)
class Seconds:
    """A number of seconds between two bounds."""

    least: float = 0
    most: float = 86_400

    def parse(self, text: str, flag: str) -> float:
        """Return the number of seconds, which is between the bounds."""
        from optimus_ops.errors import Refused

        try:
            seconds = float(text)
        except ValueError:
            seconds = -1.0
        if not self.least <= seconds <= self.most:
            raise Refused(f"{flag} {text}: a number of seconds from {self.least:g} to {self.most:g} is wanted")
        return seconds


@dataclass(frozen=True)
class Amount:
    """A number above 0 and up to `most`, of what (`noun`)."""

    most: float
    noun: str

    def parse(self, text: str, flag: str) -> float:
        """Return the number; raise `Refused` where the text is none."""
        from optimus_ops.errors import Refused

        try:
            amount = float(text)
        except ValueError:
            amount = -1.0
        if not 0 < amount <= self.most:
            raise Refused(f"{flag} {text}: {self.noun}, above 0 and up to {self.most:,.0f}, are wanted")
        return amount


@dataclass(frozen=True)
class Count:
    """A whole number from one to `most`, of what (`noun`), and what to do instead."""

    most: int = 999
    noun: str = "a number of replicas is a whole number"
    hint: str | None = "to stop all: invoke down"

    def parse(self, text: str, flag: str) -> int:
        """Return the number."""
        from optimus_ops.errors import Refused

        if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= self.most:
            raise Refused(f"{flag} {text}: {self.noun} from 1 to {self.most}", self.hint)
        return int(text)


@dataclass(frozen=True)
class ImageName:
    """A tag, or the name of an image."""

    def parse(self, text: str, flag: str) -> str:
        """Return the text as it was given; "" stays ""."""
        from optimus_ops.errors import Refused

        if DIGEST.match(text):
            raise Refused(f"{flag} {text}: a digest alone names no image", f"write it behind the name: NAME@{text}")
        if text and (len(text) > MOST_IMAGE or not IMAGE.fullmatch(text)):
            hint = "names are lower-case; a tag has letters, digits, '_', '.' and '-'"
            raise Refused(f"{flag} {text}: neither a tag nor the name of an image", hint)
        return text


@dataclass(frozen=True)
class RegistryNamespace:
    """Host and namespace of a registry, as `ghcr.io/acme/shop`; capitals become small letters."""

    def parse(self, text: str, flag: str) -> str:
        """Return host and namespace."""
        from optimus_ops.errors import Refused

        if not text:
            raise Refused(f"{flag} is missing", "name host and namespace, as in: --registry ghcr.io/acme/shop")
        if "@" in text:
            # It is not shown: what stands before may be a password.
            raise Refused(f"{flag}: a registry's name holds no user and no digest", "log in with: docker login HOST")
        named = text.lower().rstrip("/")
        host = named.partition("/")[0]
        if not NAMESPACE.fullmatch(named) or not ("." in host or ":" in host or host == "localhost"):
            hint = "host and namespace are wanted, without https:// and without a tag: ghcr.io/acme/shop"
            raise Refused(f"{flag} {text}: no namespace of a registry", hint)
        return named


def flag_types(body: Callable[..., object]) -> dict[str, FlagType]:
    """Return parameter -> the type that its annotation, an alias in the task's module, says."""
    namespace = getattr(body, "__globals__", {})
    aliases = {name: str(text).removesuffix(" | None") for name, text in body.__annotations__.items()}
    found = {name: get_args(namespace.get(alias)) for name, alias in aliases.items()}
    return {name: words[1] for name, words in found.items() if len(words) > 1 and hasattr(words[1], "parse")}


def parsed(types: dict[str, FlagType], given: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a task's parameters, the texts among them parsed."""
    return {
        name: types[name].parse(value, f"--{name.replace('_', '-')}") if name in types and value is not None else value
        for name, value in given.items()
    }
