"""Commands as hiredis packs them are those that redis-py makes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Connection
from redis.exceptions import DataError

from optimus_kit.redis.packing import packed

WORDS = st.one_of(st.text(), st.binary(), st.integers(), st.floats(), st.binary().map(bytearray))
PLAIN, PACKED = Connection(), packed(Connection)()
NAMES = st.sampled_from(["GET", "SCRIPT LOAD", b"EVALSHA", b"CONFIG GET"])


@given(NAMES, st.lists(WORDS, max_size=6))
def test_a_command_has_the_same_bytes(name: Any, words: list[Any]) -> None:
    try:
        wanted = b"".join(PLAIN.pack_command(name, *words))
    except UnicodeEncodeError:
        with pytest.raises(UnicodeEncodeError):
            PACKED.pack_command(name, *words)
    else:
        assert b"".join(PACKED.pack_command(name, *words)) == wanted


@pytest.mark.parametrize("word", [True, None, object()])
def test_what_has_no_form_is_refused(word: Any) -> None:
    with pytest.raises(DataError):
        PACKED.pack_command("SET", "key", word)
