"""Which keys are rotated, and who agrees to it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.fakes.rotation import FakePlatform

from optimus_ops.change.options import ChangeOptions
from optimus_ops.errors import Refused, WouldChange
from optimus_ops.rotation.execute import carry_out
from optimus_ops.rotation.requests import RotateRequest

DAY = 86_400.0


def asked(*answers: str) -> Callable[[str], str]:
    words = list(answers)
    return lambda _prompt: words.pop(0)


def rotate(platform: FakePlatform, *keys: str, ask: Callable[[str], str] | None = None, **wanted: Any) -> None:
    options = ChangeOptions(
        **{name: wanted.pop(name) for name in ("plan", "json", "detailed_exitcode") if name in wanted}
    )
    carry_out(RotateRequest(keys=keys, **wanted), options, platform.rotations(ask=ask))


def make_due(platform: FakePlatform) -> None:
    """Let a year and a day pass."""
    assert platform.rotations().rows()
    platform.clock.date += 2e9


def test_without_a_terminal_and_without_yes_nothing_is_rotated(platform: FakePlatform) -> None:
    before = platform.file()
    with pytest.raises(Refused, match="1 secret would be rotated, and nobody can be asked"):
        rotate(platform, "API_KEY")
    with pytest.raises(Refused, match=r"which key\? \(none is due\)"):
        rotate(platform, yes=True)
    assert platform.file() == before


@pytest.mark.parametrize(("answer", "done"), [("y", True), ("n", False), ("", False)])
def test_at_a_terminal_somebody_agrees(platform: FakePlatform, answer: str, done: bool) -> None:
    before = platform.file()
    if done:
        rotate(platform, "API_KEY", ask=asked(answer))
    else:
        with pytest.raises(Refused, match="not agreed to"):
            rotate(platform, "API_KEY", ask=asked(answer))
    assert (platform.file() != before) is done


@pytest.mark.parametrize(
    ("answer", "rotated"),
    [("", {"API_KEY"}), ("2", {"DB_PASSWORD"}), ("DB_PASSWORD, 1", {"API_KEY", "DB_PASSWORD"})],
)
def test_at_a_terminal_keys_are_chosen_and_due_ones_are_the_usual_answer(
    platform: FakePlatform, capsys: pytest.CaptureFixture[str], answer: str, rotated: set[str]
) -> None:
    make_due(platform)
    before = platform.file()
    rotate(platform, ask=asked(answer, "yes"))

    after = platform.file()
    assert {key for key in after if after[key] != before[key]} == rotated
    assert "  1 * API_KEY (" in capsys.readouterr().out


@pytest.mark.parametrize("answer", ["9", "OTHER", "", "rm -rf"])
def test_what_is_none_of_them_is_refused(platform: FakePlatform, answer: str) -> None:
    with pytest.raises(Refused, match=r"that is none of them|no key was chosen"):
        rotate(platform, ask=asked(answer))


def test_all_due_takes_what_is_due_and_ends_what_was_in_grace(platform: FakePlatform) -> None:
    platform.grace = 3600
    rotate(platform, "DB_PASSWORD", yes=True)
    platform.clock.now += 3601
    make_due(platform)
    platform.grace = 1
    before = platform.file()
    rotate(platform, all_due=True, yes=True)

    platform.assert_settled()
    after = platform.file()
    assert {key for key in after if not key.endswith("_SECONDARY") and after[key] != before.get(key)} == {"API_KEY"}


def test_a_plan_shows_the_steps_and_changes_nothing(platform: FakePlatform, capsys: pytest.CaptureFixture[str]) -> None:
    before = platform.file()
    capsys.readouterr()
    rotate(platform, "API_KEY", plan=True, json=True)
    kinds = [step["step"] for step in json.loads(capsys.readouterr().out)["plan"]["steps"]]
    assert kinds == [
        *("prepare-value", "install-value", "test-value", "make-current"),
        *("converge", "wait-grace", "disable-old", "finish-rotation"),
    ]
    with pytest.raises(WouldChange):
        rotate(platform, "API_KEY", plan=True, detailed_exitcode=True)
    assert platform.file() == before
    assert not (platform.checkout.root / ".optimus" / "rotations").exists()


@pytest.mark.parametrize(
    ("keys", "wanted", "message"),
    [
        (("NOTHING",), {}, "knows no secret NOTHING"),
        (("API_KEY_SECONDARY",), {}, "is the second value of API_KEY"),
        (("API_KEY",), {"member": 1}, "is no pool of keys"),
        (("PROVIDER_KEYS",), {"member": 3}, "PROVIDER_KEYS has 2 members"),
        (("API_KEY",), {"resume": True}, "no rotation of API_KEY is under way"),
        (("API_KEY",), {"all_due": True}, "--all-due goes with no key"),
        ((), {"resume": True, "rollback": True}, "--resume and --rollback exclude each other"),
        ((), {"member": 1, "all_due": True}, "--member goes with the one key"),
    ],
)
def test_what_makes_no_sense_is_refused(
    platform: FakePlatform, keys: tuple[str, ...], wanted: dict[str, Any], message: str
) -> None:
    before = platform.file()
    with pytest.raises(Refused, match=message):
        rotate(platform, *keys, yes=True, **wanted)
    assert platform.file() == before


def test_resume_with_nothing_under_way_has_nothing_to_do(
    platform: FakePlatform, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    rotate(platform, resume=True, json=True)
    assert json.loads(capsys.readouterr().out)["result"] == "nothing to do"
