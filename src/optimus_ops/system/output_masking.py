"""The one filter between this process and whoever reads what it writes: secret values never pass it.

There is one per process, as there is one standard output. Values are read when a task first writes something, so that
`invoke --list` and its like read none; they are looked for again when a file that holds them changes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, Protocol, TypeVar

from optimus_ops.system.masking import Masker, StreamMasker

Document = TypeVar("Document")
LOOK_AGAIN_SECONDS = 0.5


class ValueSource(Protocol):
    """Where the values are."""

    def version(self) -> Hashable:
        """Return what changes with the values; cheap."""

    def values(self) -> Iterable[str]:
        """Return the values to mask, none of which has a line end."""


class OutputMasking:
    """Knows the values of a source and those that were added; nothing is masked before it was started.

    What was a secret once stays one for as long as the process lives.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._make: Callable[[], ValueSource] | None = None
        self._source: ValueSource | None = None
        self._started = False
        self._version: Hashable = None
        self._looked = 0.0
        self._values: frozenset[str] = frozenset()
        self._masker = Masker()

    def install(self, make: Callable[[], ValueSource] | None) -> None:
        """Take what makes the source when it is needed, in place of the one before and of all that is known."""
        with self._lock:
            self._make, self._source, self._version, self._looked = make, None, None, 0.0
            self._values, self._masker = frozenset(), Masker()

    def start(self) -> None:
        """Mask from now on: a task runs."""
        self._started = True

    def add(self, *values: str) -> None:
        """Mask further values, line by line, such as one that is made and in no file yet."""
        with self._lock:
            self._know(line for value in values for line in value.splitlines())

    def look_again(self) -> None:
        """Read the source before the next output, since its values have changed."""
        self._looked = 0.0

    def masker(self) -> Masker:
        """Return the masker of all that is known by now."""
        if self._make is None or not self._started:
            return self._masker
        now = time.monotonic()
        if not self._looked or now - self._looked > LOOK_AGAIN_SECONDS:
            with self._lock:
                self._looked = now
                self._source = self._source or self._make()
                version = self._source.version()
                if version != self._version:
                    self._version = version
                    self._know(self._source.values())
        return self._masker

    def _know(self, values: Iterable[str]) -> None:
        known = self._values.union(values)
        if known != self._values:
            self._values, self._masker = known, Masker.of(known)


OUTPUT = OutputMasking()


def masked(text: str) -> str:
    """Return a text without secret values; to be called before a text is cut or folded, which would hide them."""
    return OUTPUT.masker().mask(text)


def masked_document(document: Document) -> Document:
    """Return what JSON is made of, or a frozen dataclass, with all its texts masked.

    Done before it is rendered: a number can be a secret, and masked JSON has to stay JSON.
    """
    masker = OUTPUT.masker()
    return _masked(document, masker) if masker.patterns else document


def _masked(value: Any, masker: Masker) -> Any:
    match value:
        case str():
            return masker.mask(value)
        case bool() | None:
            return value
        case int():
            text = str(value)
            return value if masker.mask(text) == text else masker.mask(text)
        case Mapping():
            return {_masked(key, masker): _masked(item, masker) for key, item in value.items()}
        case list():
            return [_masked(item, masker) for item in value]
        case tuple() if type(value) is tuple:
            return tuple(_masked(item, masker) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        made = {field.name: getattr(value, field.name) for field in fields(value) if field.init}
        changed = {name: new for name, old in made.items() if (new := _masked(old, masker)) != old}
        return replace(value, **changed) if changed else value
    return value


class TextStreamMasker:
    """Masks text that is written piece by piece with the values that are known at each piece."""

    def __init__(self) -> None:
        self._stream = StreamMasker(Masker())

    def feed(self, text: str) -> str:
        """Return what can be shown by now."""
        masker = OUTPUT.masker()
        if not masker.patterns:
            return text
        if masker is not self._stream.masker:
            self._stream.masker = masker
        return _decoded(self._stream.feed(text.encode("utf-8", "surrogatepass")))

    def flush(self) -> str:
        """Return what was held back."""
        return _decoded(self._stream.flush())


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")
