"""The options that every changing task takes, from flags and the environment."""

from __future__ import annotations

import pytest

from optimus_ops.change.options import ChangeOptions
from optimus_ops.commandline.flag_types import ImageName
from optimus_ops.errors import Refused
from optimus_ops.rollout.requests import with_deadlines


def test_an_undo_waits_for_the_engine_as_long_as_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPTIMUS_ENGINE_WAIT", raising=False)
    assert with_deadlines(ChangeOptions()).deadlines.engine == 90
    monkeypatch.setenv("OPTIMUS_ENGINE_WAIT", "5")
    assert with_deadlines(ChangeOptions()).deadlines.engine == 5


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "1e9"])
def test_a_wait_that_is_no_number_of_seconds_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("OPTIMUS_ENGINE_WAIT", text)
    with pytest.raises(Refused, match="OPTIMUS_ENGINE_WAIT"):
        with_deadlines(ChangeOptions())


@pytest.mark.parametrize("text", ["sha256:0123456789abcdef", "SHA256:0123", "sha512:ab"])
def test_a_digest_alone_names_no_image(text: str) -> None:
    with pytest.raises(Refused, match="a digest alone names no image") as refused:
        ImageName().parse(text, "--image")
    assert f"NAME@{text}" in (refused.value.hint or "")


@pytest.mark.parametrize("text", ["1.4", "shop/ai:1.4", f"shop/ai@sha256:{'ab' * 32}", "sha256-tool:1"])
def test_a_tag_and_a_name_with_its_digest_are_images(text: str) -> None:
    assert ImageName().parse(text, "--image") == text
