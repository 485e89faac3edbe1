"""Numbers of replicas that a flag asks for."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.commandline.flag_types import Count
from optimus_ops.errors import Refused


@given(st.text(max_size=6))
def test_counts_are_positive_whole_numbers_or_refused(text: str) -> None:
    with contextlib.suppress(Refused):
        assert Count().parse(text, "--ai") == int(text) > 0


@pytest.mark.parametrize("text", ["0", "-1", "three", "1.5", "", "1000", "٣"])
def test_counts_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(Refused):
        Count().parse(text, "--ai-engine")
