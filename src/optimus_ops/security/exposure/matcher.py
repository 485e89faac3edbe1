"""One pass over bytes for all known values and forms of keys: Aho-Corasick, then expressions around its hits."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ahocorasick_rs import BytesAhoCorasick, Implementation

from optimus_ops.security.exposure.known_values import KnownValue, KnownValues
from optimus_ops.security.exposure.providers import AROUND, KEY_FORMS, KeyForm

CHUNK = 4 * 1024**2
"""Bytes that are looked at together."""
LONGEST_FORM = 4000
"""Bytes of the longest key, a signed token, and of what is around it."""


@dataclass(frozen=True, slots=True)
class Match:
    """Something that must not be where it is: a key's name or a form of keys, and the first byte; never the value."""

    what: KnownValue | KeyForm
    start: int
    end: int

    @property
    def identity(self) -> str:
        """What tells it from others, and is the same wherever the same is found."""
        return self.what.key if isinstance(self.what, KnownValue) else self.what.name


@dataclass(frozen=True)
class Matcher:
    """Finds known values, and keys of providers where it is asked for them."""

    automaton: BytesAhoCorasick = field(repr=False)
    patterns: tuple[KnownValue | KeyForm, ...] = field(repr=False)
    overlap: int

    @classmethod
    def of(cls, values: KnownValues, forms: Iterable[KeyForm] = KEY_FORMS) -> Matcher:
        """Compile a matcher."""
        pairs: list[tuple[bytes, KnownValue | KeyForm]] = [(form.content, form) for form in values.forms]
        pairs += [(literal, form) for form in forms for literal in form.literals]
        automaton = BytesAhoCorasick([content for content, _ in pairs], implementation=Implementation.DFA)
        longest = max((len(content) for content, _ in pairs), default=0)
        return cls(automaton, tuple(what for _, what in pairs), longest + LONGEST_FORM)

    def find(self, content: bytes) -> tuple[Match, ...]:
        """Return what is in some bytes, in their order; a key that is known counts by its name and not by its form."""
        known: list[Match] = []
        possible: list[tuple[KeyForm, int]] = []
        for pattern, start, end in self.automaton.find_matches_as_indexes(content, overlapping=True):
            what = self.patterns[pattern]
            if isinstance(what, KnownValue):
                known.append(Match(what, start, end))
            else:
                possible.append((what, start))
        known = _without_overlaps(known)
        formed = (match for form, start in possible if (match := _formed(form, content, start)))
        others = _without_overlaps(dict.fromkeys(formed))
        return tuple(sorted([*known, *_beside(others, known)], key=lambda match: match.start))

    def find_in(self, chunks: Iterable[bytes]) -> Iterator[Match]:
        """Give what is in bytes that come in pieces; what lies across two pieces is found as well."""
        rest, base = b"", 0
        reported: set[tuple[str, int]] = set()
        for chunk, last in _with_last(chunks):
            window = rest + chunk
            # What begins or ends near a cut is judged where all that is around it can be seen.
            least, most = AROUND if base else 0, len(window) - (0 if last else AROUND)
            for match in self.find(window):
                moved = Match(match.what, base + match.start, base + match.end)
                if least <= match.start and match.end <= most and (moved.identity, moved.start) not in reported:
                    reported.add((moved.identity, moved.start))
                    yield moved
            rest = window[-self.overlap :]
            base += len(window) - len(rest)


def _with_last(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Give pieces, each with whether it is the last."""
    before: bytes | None = None
    for chunk in chunks:
        if before is not None:
            yield before, False
        before = chunk
    if before is not None:
        yield before, True


def _formed(form: KeyForm, content: bytes, start: int) -> Match | None:
    """Return the key of a form that has its literal at `start`."""
    for found in form.expression.finditer(content, max(0, start - AROUND), start + form.after):
        if found.start() <= start < found.end():
            key = found["key"] if found.re.groupindex else found[0]
            return Match(form, found.start(), found.end()) if form.test(key) else None
        if found.start() > start:
            return None
    return None


def _without_overlaps(matches: Iterable[Match]) -> list[Match]:
    """Return matches that don't overlap: the first of those that do, and of those with the same start the longest."""
    kept: list[Match] = []
    for match in sorted(matches, key=lambda match: (match.start, -match.end)):
        if not kept or match.start >= kept[-1].end:
            kept.append(match)
    return kept


def _beside(matches: Iterable[Match], others: list[Match]) -> Iterator[Match]:
    """Give the matches that overlap with none of others, which are in order and don't overlap themselves."""
    starts = [other.start for other in others]
    for match in matches:
        before = bisect_left(starts, match.end) - 1
        if before < 0 or others[before].end <= match.start:
            yield match
