"""The type that redacts itself."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import asdict, dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.secrets.entry import Generator
from optimus_ops.secrets.value import REDACTED, Secret

CANARY = "canary-91c2"


@dataclass(frozen=True)
class Holder:
    password: Secret


@pytest.mark.parametrize(
    "shown",
    [
        str(Secret(CANARY)),
        repr(Secret(CANARY)),
        f"{Secret(CANARY)}",
        f"{Secret(CANARY)!r:>20}",
        "%s" % Secret(CANARY),  # noqa: UP031 - one more way of showing it
        str([Secret(CANARY)]),
        repr(Holder(Secret(CANARY))),
        str(asdict(Holder(Secret(CANARY)))),
        json.dumps({"password": Secret(CANARY)}, default=str),
        str(vars(Holder(copy.deepcopy(Secret(CANARY))))),
    ],
)
def test_no_way_of_showing_it_shows_the_value(shown: str) -> None:
    assert REDACTED in shown
    assert CANARY not in shown


def test_it_is_neither_pickled_nor_dumped() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(Secret(CANARY))
    with pytest.raises(TypeError):
        json.dumps(Secret(CANARY))


@given(st.text(), st.text())
def test_it_equals_what_has_the_same_value(one: str, other: str) -> None:
    assert (Secret(one) == Secret(other)) == (one == other)
    assert Secret(one) == Secret(one)
    assert Secret(one) != one


@given(st.sampled_from(["token", "hex"]), st.integers(16, 128))
def test_new_values_are_long_harmless_and_different(kind: str, size: int) -> None:
    generator = Generator("hex" if kind == "hex" else "token", size)
    value = generator.new().reveal()

    assert len(value) >= size
    assert value.isascii()
    assert set(value) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
    assert generator.new().reveal() != value
