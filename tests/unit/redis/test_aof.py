"""Append-only files: what they are made of, and where the last complete command ends."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.errors import OpsError
from optimus_ops.redis.aof import Part, complete_bytes, manifest_of_snapshot, parse_parts

WORDS = st.lists(st.binary(max_size=20), min_size=1, max_size=4)
NAMED = WORDS.filter(lambda words: words[0].upper() not in {b"MULTI", b"EXEC"})


def encoded(words: list[bytes]) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def transaction(inner: list[list[bytes]]) -> bytes:
    return b"".join(map(encoded, [[b"MULTI"], *inner, [b"EXEC"]]))


UNITS = st.lists(
    NAMED.map(encoded)
    | st.lists(NAMED, max_size=3).map(transaction)
    | st.integers(0, 2**31).map(lambda at: b"#TS:%d\r\n" % at),
    max_size=8,
)


@given(units=UNITS, cut=st.integers(0, 2000))
def test_what_was_cut_while_it_was_written_is_left_out_and_nothing_else(units: list[bytes], cut: int) -> None:
    whole = b"".join(units)
    cut = min(cut, len(whole))
    ends = [0]
    for unit in units:
        ends.append(ends[-1] + len(unit))
    assert complete_bytes(io.BytesIO(whole[:cut])) == max(end for end in ends if end <= cut)


@pytest.mark.parametrize(
    "content", [b"REDIS0011\xfa\r\n", b"*1\r\n+OK\r\n", b"*x\r\n", b"*1\r\n$3\r\nSETxx*1\r\n", b"*1\n"]
)
def test_what_is_damaged_before_its_end_is_no_increment(content: bytes) -> None:
    with pytest.raises(OpsError, match="damaged"):
        complete_bytes(io.BytesIO(content))


def test_a_manifest_lists_its_parts_in_order() -> None:
    text = (
        "file appendonly.aof.2.base.rdb seq 2 type b\n"
        "file appendonly.aof.1.incr.aof seq 1 type h\n"
        "file appendonly.aof.3.incr.aof seq 3 type i startoffset 1200\n"
    )
    assert parse_parts(text) == (
        Part("appendonly.aof.2.base.rdb", base=True),
        Part("appendonly.aof.3.incr.aof", base=False),
    )


@pytest.mark.parametrize("line", ["file ../../etc/passwd seq 1 type b", 'file "a b" seq 1 type b', "nonsense"])
def test_a_manifest_with_other_names_is_refused(line: str) -> None:
    with pytest.raises(OpsError):
        parse_parts(line)


def test_a_snapshot_can_stand_as_an_append_only_file() -> None:
    assert parse_parts(manifest_of_snapshot("a.1.base.rdb")) == (Part("a.1.base.rdb", base=True),)
