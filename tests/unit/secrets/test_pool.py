from __future__ import annotations

import pytest

from optimus_ops.rotation.model import ValuePair
from optimus_ops.rotation.pools import with_current
from optimus_ops.secrets.pool import member_of, members
from optimus_ops.secrets.value import Secret


@pytest.mark.parametrize("text", ["one,two", "one\ntwo\n", " one ,\n two"])
def test_members_are_those_that_services_read(text: str) -> None:
    # services/ai-engine: parse_keys takes commas and line ends.
    pool = Secret(text)
    assert [found.reveal() for found in members(pool)] == ["one", "two"]
    assert member_of(pool, 1) == Secret("two")


def test_a_member_of_a_pool_of_lines_is_replaced_and_the_others_stay() -> None:
    pair = ValuePair("A_KEYS", "rot-000000000000", Secret("one"), Secret("new"), member=0)
    assert with_current(pair, {"A_KEYS": Secret("one\ntwo")}, pair.new) == {"A_KEYS": Secret("new,two")}
