"""`invoke secrets.set`."""

from __future__ import annotations

import getpass
import io
import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.secrets.samples import CANARY, Checkout, change, state_of

from optimus_ops.change.options import ChangeOptions
from optimus_ops.errors import Interrupted, OpsError, Refused, WouldChange
from optimus_ops.secrets import commands, set_command, set_value, store
from optimus_ops.secrets.value import Secret

DAY = 86_400


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"sk-a\n", "sk-a"),
        (b"sk-a", "sk-a"),
        (b"sk-a,sk-b\r\n", "sk-a,sk-b"),
        (b"\xef\xbb\xbfsk-a\n", "sk-a"),
    ],
)
def test_a_value_gets_into_the_file_and_to_the_services_that_read_it(
    checkout: Checkout,
    given: Callable[[bytes], None],
    capsys: pytest.CaptureFixture[str],
    content: bytes,
    value: str,
) -> None:
    before = state_of(checkout)
    given(content)

    change(checkout, "OPENAI_API_KEYS")

    after = state_of(checkout)
    assert {name for name in after if after[name] != before.get(name)} == {
        ".env.secrets",
        "ai-engine/OPENAI_API_KEYS",
    }
    assert after["ai-engine/OPENAI_API_KEYS"] == value
    assert "read by ai-engine; `invoke deploy` replaces what runs with the old value" in capsys.readouterr().out
    assert after[".env.secrets"] == before[".env.secrets"].replace("API_KEYS=\n", f"API_KEYS={value}\n")


def test_the_same_value_again_changes_nothing(
    checkout: Checkout, given: Callable[[bytes], None], capsys: pytest.CaptureFixture[str]
) -> None:
    given(b"sk-a\n")
    change(checkout, "OPENAI_API_KEYS")
    written = checkout.secrets_file.stat().st_ino
    capsys.readouterr()
    given(b"sk-a\n")
    change(checkout, "OPENAI_API_KEYS", ChangeOptions(json=True))

    assert json.loads(capsys.readouterr().out)["result"] == "nothing to do"
    assert checkout.secrets_file.stat().st_ino == written


def test_a_run_that_was_killed_between_file_and_services_is_completed_by_the_next(
    checkout: Checkout, given: Callable[[bytes], None]
) -> None:
    given(b"sk-a\n")
    change(checkout, "OPENAI_API_KEYS")
    (checkout.secrets_dir / "ai-engine" / "OPENAI_API_KEYS").unlink()
    given(b"sk-a\n")
    change(checkout, "OPENAI_API_KEYS")

    assert checkout.projected()["ai-engine/OPENAI_API_KEYS"] == "sk-a"


def test_a_plan_changes_nothing_and_shows_no_value(
    checkout: Checkout, given: Callable[[bytes], None], capsys: pytest.CaptureFixture[str]
) -> None:
    before = state_of(checkout)
    given(f"sk-{CANARY}\n".encode())
    with pytest.raises(WouldChange):
        change(checkout, "OPENAI_API_KEYS", ChangeOptions(plan=True, detailed_exitcode=True))

    shown = capsys.readouterr().out
    assert "set OPENAI_API_KEYS in .env.secrets, and in the files of ai-engine" in shown
    assert CANARY not in shown
    assert state_of(checkout) == before


@pytest.mark.parametrize(
    ("key", "content", "message"),
    [
        ("OPENAI_API_KEYS", CANARY.encode(), "OPENAI_API_KEYS is malformed"),
        ("OPENAI_API_KEYS", b"", "no value for OPENAI_API_KEYS was given"),
        ("OPENAI_API_KEYS", b"\n", "no value for OPENAI_API_KEYS was given"),
        ("OPENAI_API_KEYS", b"\xff\xfe", "standard input is not UTF-8 text"),
        ("POSTGRES_PASSWORD", f"{CANARY}\x00".encode(), "the value holds a control character"),
        ("POSTGRES_PASSWORD", f"{CANARY}$\\\\".encode(), "no notation is read alike"),
        ("POSTGRES_PASSWORD", b"x" * 300_000, "longer than 256 KiB"),
        ("ALERT_URL", CANARY.encode(), "ALERT_URL is malformed"),
        ("OPENAI_API_KEY", CANARY.encode(), "did you mean OPENAI_API_KEYS?"),
        (f"OPENAI_API_KEYS=sk-{CANARY}", b"", "a value never stands on a command line"),
        ("sk-canary51c0", b"", "that is no name of a secret"),
    ],
)
def test_what_can_not_be_is_refused_without_the_value_and_touches_nothing(
    checkout: Checkout, given: Callable[[bytes], None], key: str, content: bytes, message: str
) -> None:
    before = state_of(checkout)
    given(content)
    with pytest.raises(Refused) as refused:
        change(checkout, key)

    assert message in str(refused.value)
    assert CANARY not in str(refused.value)
    assert state_of(checkout) == before


def test_a_required_value_can_not_be_cleared_and_another_can(
    checkout: Checkout, given: Callable[[bytes], None]
) -> None:
    given(b"sk-a\n")
    change(checkout, "OPENAI_API_KEYS")
    set_command.change_value("OPENAI_API_KEYS", ChangeOptions(), clear=True, root=checkout.root)

    assert "ai-engine/OPENAI_API_KEYS" not in checkout.projected()
    with pytest.raises(Refused, match="POSTGRES_PASSWORD is missing"):
        set_command.change_value("POSTGRES_PASSWORD", ChangeOptions(), clear=True, root=checkout.root)


@pytest.mark.parametrize("failure", [OpsError("no room"), Interrupted(signal.SIGTERM)])
def test_a_failure_half_way_puts_file_and_services_back(
    checkout: Checkout,
    given: Callable[[bytes], None],
    monkeypatch: pytest.MonkeyPatch,
    failure: BaseException,
) -> None:
    before = state_of(checkout)
    real = store.write
    failed: list[str] = []

    def write(path: Path, content: Secret, mode: int = 0o600) -> None:
        real(path, content, mode)
        if path.name == "REDIS_PASSWORD" and not failed:
            failed.append(path.parent.name)
            raise failure

    monkeypatch.setattr(store, "write", write)
    given(f"{CANARY}\n".encode())
    with pytest.raises(type(failure)):
        change(checkout, "REDIS_PASSWORD")

    assert failed
    assert state_of(checkout) == before


def test_the_journal_holds_the_name_and_not_the_value(
    checkout: Checkout, given: Callable[[bytes], None], capsys: pytest.CaptureFixture[str]
) -> None:
    given(f"sk-{CANARY}\n".encode())
    change(checkout, "OPENAI_API_KEYS")

    kept = "".join(path.read_text("utf-8") for path in (checkout.root / ".optimus").rglob("*.jsonl"))
    assert "OPENAI_API_KEYS" in kept
    assert CANARY not in kept
    ages = (checkout.root / ".optimus" / "secret-ages.json").read_text("utf-8")
    assert CANARY not in ages + "".join(capsys.readouterr())


def test_without_a_file_it_says_what_makes_one(checkout: Checkout, given: Callable[[bytes], None]) -> None:
    checkout.secrets_file.unlink()
    given(b"sk-a\n")
    with pytest.raises(Refused, match=r"invoke secrets\.init makes it"):
        change(checkout, "OPENAI_API_KEYS")


def test_an_environment_s_own_file_is_changed_and_nothing_else(
    checkout: Checkout, given: Callable[[bytes], None]
) -> None:
    commands.init(ChangeOptions(), checkout.root, "staging")
    before = state_of(checkout)
    given(b"https://alerts.example/hook\n")
    set_command.change_value("ALERT_URL", ChangeOptions(), environment="staging", root=checkout.root)

    own = checkout.secrets_file.with_name(".env.secrets.staging")
    assert "ALERT_URL=https://alerts.example/hook\n" in own.read_text("utf-8")
    assert own.stat().st_mode & 0o777 == 0o600
    assert state_of(checkout) == before


def test_a_shared_file_is_not_changed_for_one_environment(checkout: Checkout, given: Callable[[bytes], None]) -> None:
    given(b"x\n")
    with pytest.raises(Refused, match=r"staging has no file of its own: it shares \.env\.secrets"):
        set_command.change_value("MAIL_KEY", ChangeOptions(), environment="staging", root=checkout.root)


def test_a_typed_value_is_not_shown_and_an_end_of_input_is_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    def end(_prompt: str) -> str:
        raise EOFError

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(getpass, "getpass", lambda prompt: prompt)
    assert set_value.ask("KEY").reveal() == "Value of KEY (not shown): "
    monkeypatch.setattr(getpass, "getpass", end)
    with pytest.raises(Refused, match="no value for KEY"):
        set_value.ask("KEY")
