"""Secret values are replaced wherever they stand, however the text is cut and encoded."""

from __future__ import annotations

import base64
import json
import shlex
from itertools import pairwise
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.system.masking import REDACTED, SHORTEST, Masker, StreamMasker

CANARY = "sk-c4n@ry/\"7f3a'$=&+é"
ALPHABET = st.sampled_from('ab1-/"é')
VALUES = st.lists(st.text(ALPHABET, min_size=SHORTEST, max_size=24), min_size=1, max_size=4)
FILLING = st.text(st.sampled_from('ab1-/"é \n'), max_size=30)


def streamed(masker: Masker, data: bytes, cuts: list[int]) -> bytes:
    """Return what a stream shows of data that is cut at places."""
    stream = StreamMasker(masker)
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    shown = [stream.feed(data[begin:end]) for begin, end in pairwise(places)]
    return b"".join([*shown, stream.flush()])


@given(VALUES, st.lists(FILLING, min_size=2, max_size=6), st.lists(st.integers(min_value=0), max_size=12), st.data())
def test_any_chunking_shows_the_same_and_no_value(
    values: list[str], filling: list[str], cuts: list[int], data: st.DataObject
) -> None:
    masker = Masker.of(values)
    # Values stand next to each other, and overlap what is around them, too.
    text = "".join(part + data.draw(st.sampled_from(values)) for part in filling).encode()
    whole = masker.mask_bytes(text)
    assert streamed(masker, text, cuts) == whole
    assert streamed(masker, text, list(range(len(text)))) == whole
    for value in values:
        if len(value.strip()) >= SHORTEST:
            assert value.strip().encode() not in whole


@pytest.mark.parametrize(
    "shown",
    [
        CANARY,
        json.dumps(CANARY),
        json.dumps(CANARY, ensure_ascii=False),
        quote(CANARY),
        quote(CANARY, safe="").lower(),
        quote_plus(CANARY),
        repr(CANARY),
        shlex.quote(CANARY),
        CANARY.replace("&", "&amp;").replace('"', "&quot;").replace("'", "&#x27;"),
        *(base64.b64encode(f"{user}:{CANARY}".encode()).decode() for user in ("a", "ab", "abc")),
        *(base64.urlsafe_b64encode(f"{user}:{CANARY};".encode()).decode() for user in ("a", "ab", "abc")),
    ],
)
def test_common_encodings_are_masked(shown: str) -> None:
    masked = Masker.of([CANARY]).mask(f"before {shown} after")
    assert REDACTED in masked
    assert "7f3a" not in masked
    assert base64.b64encode(CANARY.encode()).decode()[4:12] not in masked
    assert masked.startswith("before ")
    assert masked.endswith(" after")


def test_of_values_that_overlap_nothing_is_left() -> None:
    masker = Masker.of(["12345678", "1234567890ab", "90abcdefgh"])
    assert masker.mask("x 1234567890abcdefgh y 12345678 z") == f"x {REDACTED} y {REDACTED} z"


def test_short_values_leave_output_alone() -> None:
    masker = Masker.of(["1", "", "admin", "   short   "])
    text = "1 admin is short"
    assert masker.mask(text) is text
    assert masker.patterns == ()


def test_text_that_no_value_can_continue_is_shown_at_once() -> None:
    stream = StreamMasker(Masker.of(["secret-value"]))
    assert stream.feed(b"Continue? [y/N] ") == b"Continue? [y/N] "
    assert stream.feed(b"no secre") == b"no "
    assert stream.feed(b"cy\n") == b"secrecy\n"
    assert stream.feed(b"a secret-") == b"a "
    assert stream.feed(b"value.") == f"{REDACTED}.".encode()
    assert stream.flush() == b""


def test_bytes_that_are_no_text_pass_unchanged() -> None:
    masker = Masker.of(["secret-value"])
    data = bytes(range(256)) * 3
    assert masker.mask_bytes(data) is data
    assert masker.mask("\udcff secret-value") == f"\udcff {REDACTED}"
