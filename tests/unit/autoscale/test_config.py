"""`config/autoscale.yaml`: what it says, and what is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.repository import CHECKOUT

from optimus_ops.autoscale.config import parse_config, read_config
from optimus_ops.autoscale.model import ServiceSettings
from optimus_ops.errors import Refused

WEB = "services:\n  web:\n    min: 1\n    max: 4\n    slots: 10\n    target_in_flight: 7\n    start_up_lead: 8\n"


def test_what_is_left_out_has_defaults() -> None:
    [web] = parse_config(WEB).services
    assert web == ServiceSettings("web", 1, 4, 10, 7, 8, cool_down=300, drain_target=5)


@pytest.mark.parametrize(
    ("text", "complaint", "hint"),
    [
        (WEB.replace("min", "mim"), "web has no key 'mim'", "did you mean 'min'?"),
        (WEB.replace("services", "service"), "the file has no key 'service'", "did you mean 'services'?"),
        (WEB.replace("min: 1", "min: 5"), "web: min 5 is above max 4", "min is at most max"),
        (WEB.replace("t: 7", "t: 11"), "target_in_flight 11 is above slots 10", "requests wait"),
        (WEB.replace("max: 4", "max: 1e9"), "4:10: max: a whole number from 1 to 999", ""),
        (WEB.replace("max: 4", "max: yes"), "not 'yes'", ""),
        (WEB.replace("max: 4", "max: true"), "not True", ""),
        (WEB.replace("    slots: 10\n", ""), "web: no slots", "docs/autoscale.md"),
        (WEB.replace("t: 7", "t: -1"), "target_in_flight: a number from 0.1", ""),
        (WEB.replace("max: 4", "max: [4]"), "not [4]", ""),
        ("services: {}", "no services", "docs/autoscale.md"),
        ("services: [web]", "a mapping is expected", ""),
        ("", "the file is empty", ""),
        ("services: {", "not YAML", ""),
        (WEB + "    min: 2\n", "'min' is already defined", ""),
    ],
)
def test_what_can_t_be_is_refused_with_its_place(text: str, complaint: str, hint: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_config(text, "autoscale.yaml")
    assert complaint in refused.value.message
    assert refused.value.message.startswith("autoscale.yaml:")
    assert hint in (refused.value.hint or "")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"no file config/autoscale\.yaml"):
        read_config(tmp_path)


def test_an_unknown_service_has_a_near_one() -> None:
    with pytest.raises(Refused) as refused:
        parse_config(WEB).of("wob")
    assert refused.value.hint == "did you mean web?"


def test_the_platform_s_own_file_can_be_read_and_has_a_reason_for_each_number() -> None:
    assert {settings.service for settings in read_config(CHECKOUT).services} == {
        "ai-engine",
        "orchestrator-worker",
        "backend-orchestrator",
        "memory-engine",
    }
    lines = (CHECKOUT / "config" / "autoscale.yaml").read_text().splitlines()
    numbers = [line for line in lines if line.startswith("    ")]
    assert [line for line in numbers if " # " not in line] == []
