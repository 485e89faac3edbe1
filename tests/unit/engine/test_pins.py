from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.engine.pins import Pins, read_pins, write_pins
from optimus_ops.errors import Refused

NAMES = st.text("abcdefgh-", min_size=1, max_size=8)


def test_without_a_file_nothing_is_pinned(tmp_path: Path) -> None:
    assert not read_pins(tmp_path / "none.yml")


@given(
    images=st.dictionaries(NAMES, NAMES, max_size=3),
    environment=st.dictionaries(NAMES, st.dictionaries(NAMES, NAMES, min_size=1, max_size=2), max_size=3),
)
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, images: dict[str, str], environment: dict[str, dict[str, str]]
) -> None:
    path = tmp_path_factory.mktemp("pins") / "shop.yml"
    write_pins(path, Pins(images, environment))
    assert read_pins(path) == Pins(images, environment)


def test_an_empty_image_takes_the_pin_away_and_the_file_with_it(tmp_path: Path) -> None:
    path = tmp_path / "shop.yml"
    write_pins(path, Pins({"ai": "shop/ai:1.4"}))
    write_pins(path, read_pins(path).with_images({"ai": ""}))
    assert not path.exists()


def test_variables_are_added_to_those_that_are_there() -> None:
    pins = Pins(environment={"memory": {"A": "1"}}).with_variables([("memory", "B", "2"), ("ai", "C", "3")])
    assert pins.environment == {"memory": {"A": "1", "B": "2"}, "ai": {"C": "3"}}


@pytest.mark.parametrize("text", ["", "[]", '{"services": []}', '{"services": {"ai": {"environment": 1}}}'])
def test_a_file_that_holds_no_pins_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "shop.yml"
    path.write_text(text)
    with pytest.raises(Refused, match=r"shop\.yml can't be read as pins"):
        read_pins(path)


def test_an_image_that_is_kept_for_a_rollback_is_never_pulled() -> None:
    pins = Pins({"ai": "shop/ai:kept-shop-0123456789ab", "web": "shop/web:1.4"})
    services = json.loads(pins.as_compose())["services"]
    assert services["ai"]["pull_policy"] == "never"
    assert "pull_policy" not in services["web"]
