"""Masking of secret values in text and bytes, whole or as they come.

What is replaced is the union of all places where a value stands, so that of values that overlap nothing is left, and
any way of cutting the input into chunks gives the same output.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

REDACTED = "[secret]"
SHORTEST = 8
"""Shorter values are left alone: "1" or "admin" stand in too much output that says something else."""
STARTS = 4
LONG_WINDOW = 15
"""So many bytes hold a whole word of 8 bytes at an address that is a multiple of 8, wherever they begin; 7 one of 4."""


@dataclass(frozen=True)
class Masker:
    """Finds values in the encodings of `mask_forms`; one without values leaves everything as it is."""

    patterns: tuple[bytes, ...] = ()
    _short: frozenset[int] = field(default=frozenset(), repr=False)
    _long: frozenset[int] = field(default=frozenset(), repr=False)
    _by_start: dict[bytes, tuple[bytes, ...]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, values: Iterable[str]) -> Masker:
        """Return the masker of values without line ends; those that are too short are left out."""
        from optimus_ops.system.mask_forms import forms_of  # noqa: PLC0415 - nothing is to be masked at most starts

        patterns = tuple(
            sorted({form for value in set(values) if is_maskable(value) for form in forms_of(value, SHORTEST)})
        )
        starts: dict[bytes, tuple[bytes, ...]] = {}
        for pattern in patterns:
            starts[pattern[:STARTS]] = (*starts.get(pattern[:STARTS], ()), pattern)
        return cls(patterns, _words(patterns, 4), _words(patterns, 8), starts)

    def mask(self, text: str) -> str:
        """Return a text without the values."""
        if not self.patterns:
            return text
        data = text.encode("utf-8", "surrogatepass")
        masked = self.mask_bytes(data)
        return text if masked is data else masked.decode("utf-8", "surrogatepass")

    def mask_bytes(self, data: bytes) -> bytes:
        """Return bytes without the values: the same object where none is there."""
        spans = self.spans(data)
        return _replaced(data, spans) if spans else data

    def spans(self, data: bytes) -> Sequence[tuple[int, int]]:
        """Return where values stand: (begin, end), in order, those that overlap as one."""
        if not self._suspicious(data):
            return ()
        found = sorted(span for pattern in self.patterns if pattern in data for span in _places(pattern, data))
        merged: list[tuple[int, int]] = []
        for begin, end in found:
            if merged and begin < merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((begin, end))
        return merged

    def beginning(self, data: bytes) -> int:
        """Return where the first value begins that the next bytes may complete; the end of `data` if none does."""
        # No pattern goes past the end of a line.
        line, end = data.rfind(b"\n") + 1, len(data)
        for position in range(line, end - STARTS + 1):
            patterns = self._by_start.get(data[position : position + STARTS])
            if patterns and any(
                pattern.startswith(data[position:]) for pattern in patterns if len(pattern) > end - position
            ):
                return position
        for position in range(max(line, end - STARTS + 1), end):
            if any(start.startswith(data[position:]) for start in self._by_start):
                return position
        return end

    def _suspicious(self, data: bytes) -> bool:
        """Whether a value can be there: by words of bytes, so that what holds none passes at the speed of memory."""
        view = memoryview(data)
        size = len(data)
        return bool(
            (self._long and not self._long.isdisjoint(view[: size & ~7].cast("Q")))
            or (self._short and not self._short.isdisjoint(view[: size & ~3].cast("I")))
        )


class StreamMasker:
    """Masks bytes that come in chunks; holds back no more than what may be the beginning of a value."""

    def __init__(self, masker: Masker) -> None:
        """Begin with nothing held back."""
        self.masker = masker
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        """Return what can be shown by now."""
        if not self.masker.patterns and not self._held:
            return chunk
        data = self._held + chunk if self._held else chunk
        spans = self.masker.spans(data)
        until = self.masker.beginning(data)
        # What began before may go on with the value that begins here.
        until = next((begin for begin, end in spans if begin < until < end), until)
        self._held = data[until:]
        shown = data[:until] if self._held else data
        return _replaced(shown, [span for span in spans if span[1] <= until]) if spans else shown

    def flush(self) -> bytes:
        """Return what was held back: nothing follows, or it has to be shown now."""
        data, self._held = self._held, b""
        return self.masker.mask_bytes(data)


def is_maskable(value: str) -> bool:
    """Tell whether a value is long enough to be masked."""
    return len(value.strip()) >= SHORTEST


def _places(pattern: bytes, data: bytes) -> Iterable[tuple[int, int]]:
    position = data.find(pattern)
    while position >= 0:
        yield position, position + len(pattern)
        position = data.find(pattern, position + 1)


def _replaced(data: bytes, spans: Sequence[tuple[int, int]]) -> bytes:
    parts: list[bytes] = []
    shown = 0
    for begin, end in spans:
        parts += [data[shown:begin], REDACTED.encode()]
        shown = end
    return b"".join([*parts, data[shown:]])


def _words(patterns: Iterable[bytes], size: int) -> frozenset[int]:
    """Return words of `size` bytes, of which each pattern has one at any alignment; of its end, which tells more."""
    window = 2 * size - 1
    ends = (pattern[-window:] for pattern in patterns if (len(pattern) >= LONG_WINDOW) == (window == LONG_WINDOW))
    return frozenset(int.from_bytes(end[at : at + size], sys.byteorder) for end in ends for at in range(size))
