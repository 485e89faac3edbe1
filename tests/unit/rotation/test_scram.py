"""Verifiers of passwords, as PostgreSQL keeps them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimus_ops.rotation.scram import new_verifier, verifies
from optimus_ops.secrets.value import Secret

# Of RFC 7677, section 3: user "user", password "pencil"; the keys follow from its salt and count.
PENCIL = (
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
)


def test_a_verifier_from_elsewhere_is_recognised() -> None:
    assert verifies(PENCIL, Secret("pencil"))
    assert not verifies(PENCIL, Secret("pencils"))


@given(st.text(min_size=1, max_size=40))
@settings(max_examples=15, deadline=None)
def test_a_new_verifier_is_of_its_password_and_of_no_other(password: str) -> None:
    made = new_verifier(Secret(password))
    assert verifies(made, Secret(password))
    assert not verifies(made, Secret(password + "x"))
    assert made != new_verifier(Secret(password))


@pytest.mark.parametrize("text", ["", "md5abc", "SCRAM-SHA-256$4096:!$a:b", PENCIL.replace("4096", "0"), "x" * 100])
def test_what_is_no_verifier_fits_no_password(text: str) -> None:
    assert not verifies(text, Secret("pencil"))
