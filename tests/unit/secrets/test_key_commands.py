"""`invoke secrets.list`, `diff`, `get`, and the report of `validate`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.secrets.samples import CANARY, Checkout, change

from optimus_ops.change.options import ChangeOptions
from optimus_ops.errors import OpsError, Refused
from optimus_ops.secrets import check_command, commands, key_commands, set_command

DAY = 86_400


def test_a_value_is_printed_as_it_is_whatever_the_locale(
    checkout: Checkout, capfdbinary: pytest.CaptureFixture[bytes], given: Callable[[bytes], None]
) -> None:
    value = "zwei Wörter\n$HOME 'und' 密"
    given(value.encode())
    change(checkout, "MAIL_KEY")
    capfdbinary.readouterr()
    key_commands.print_value("MAIL_KEY", root=checkout.root)

    assert capfdbinary.readouterr().out == f"{value}\n".encode()


def test_an_empty_one_fails_and_an_unknown_one_is_refused(checkout: Checkout) -> None:
    with pytest.raises(OpsError, match=r"OPENAI_API_KEYS is empty in \.env\.secrets") as failed:
        key_commands.print_value("OPENAI_API_KEYS", root=checkout.root)
    assert failed.value.exit_code == 1
    with pytest.raises(Refused, match="did you mean OPENAI_API_KEYS"):
        key_commands.print_value("OPENAI_API_KEY", root=checkout.root)


def test_each_secret_has_its_state_age_and_readers(
    checkout: Checkout, capsys: pytest.CaptureFixture[str], given: Callable[[bytes], None]
) -> None:
    given(b"https://alerts.example/hook\n")
    change(checkout, "ALERT_URL")
    capsys.readouterr()
    key_commands.show_list(json=True, root=checkout.root)

    document = json.loads(capsys.readouterr().out)
    rows = {row["key"]: row for row in document["secrets"]}
    assert document["file"] == ".env.secrets"
    assert (rows["POSTGRES_PASSWORD"]["state"], rows["POSTGRES_PASSWORD"]["origin"]) == ("set", "generated")
    assert rows["REDIS_PASSWORD"]["consumers"] == ["redis", "redis-cache", "ai-engine"]
    assert (rows["OPENAI_API_KEYS"]["state"], rows["OPENAI_API_KEYS"]["age_days"]) == ("empty", None)
    assert (rows["ALERT_URL"]["origin"], rows["ALERT_URL"]["operator"]) == ("set", True)
    assert rows["ALERT_URL"]["environments"] == ["production", "staging"]
    assert (rows["ALERT_URL"]["max_age_days"], rows["ALERT_URL"]["due"]) == (30, False)


def test_a_value_that_is_older_than_it_may_be_is_due_and_a_warning(
    checkout: Checkout, capsys: pytest.CaptureFixture[str], given: Callable[[bytes], None]
) -> None:
    given(b"https://alerts.example/hook\n")
    change(checkout, "ALERT_URL")
    _set_back(checkout, 31 * DAY)
    capsys.readouterr()
    key_commands.show_list(json=False, root=checkout.root)
    check_command.check(json=True, root=checkout.root)

    listed, _, checked = capsys.readouterr().out.partition("{")
    assert "31 of 30 d, due" in listed
    assert "1 due for replacement" in listed
    [finding] = json.loads("{" + checked)["findings"]
    assert (finding["subject"], finding["severity"]) == ("ALERT_URL", "warning")
    assert finding["problem"] == "is 31 days old, and 30 is the most"
    assert finding["line"] == 1 + checkout.secrets_file.read_text("utf-8").split("ALERT_URL=")[0].count("\n")


def _set_back(checkout: Checkout, seconds: float) -> None:
    """Date all ages back."""
    book = checkout.root / ".optimus" / "secret-ages.json"
    document = json.loads(book.read_text("utf-8"))
    for age in document["files"][".env.secrets"].values():
        age["since"] -= seconds
    book.write_text(json.dumps(document), "utf-8")


def test_two_environments_differ_by_name_and_not_by_value(
    checkout: Checkout, capsys: pytest.CaptureFixture[str], given: Callable[[bytes], None]
) -> None:
    commands.init(ChangeOptions(), checkout.root, "staging")
    given(f"sk-{CANARY}\n".encode())
    change(checkout, "OPENAI_API_KEYS")
    given(b"mail\n")
    set_command.change_value("MAIL_KEY", ChangeOptions(), environment="staging", root=checkout.root)
    for environment in ("staging", "production"):
        given(b"https://alerts.example/hook\n")
        own = environment if environment == "staging" else ""
        set_command.change_value("ALERT_URL", ChangeOptions(), environment=own, root=checkout.root)
    capsys.readouterr()
    key_commands.show_diff("production", "staging", json=True, root=checkout.root)
    document = json.loads(capsys.readouterr().out)
    key_commands.show_diff("production", "staging", json=False, root=checkout.root)
    shown = capsys.readouterr().out

    assert (document["only_in_a"], document["only_in_b"]) == (["OPENAI_API_KEYS"], ["MAIL_KEY"])
    assert document["same"] == ["ALERT_URL"]
    assert "POSTGRES_PASSWORD" in document["different"]
    assert "- OPENAI_API_KEYS (only in production)\n" in shown
    assert CANARY not in shown


def test_files_are_compared_by_path(checkout: Checkout, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, text in (("a.env", "X=1\nY=2\n"), ("b.env", "X=1\nY=3\n")):
        (tmp_path / name).write_text(text, "utf-8")
    key_commands.show_diff(str(tmp_path / "a.env"), str(tmp_path / "b.env"), json=True, root=checkout.root)

    document = json.loads(capsys.readouterr().out)
    assert (document["different"], document["same"]) == (["Y"], ["X"])


def test_what_is_no_file_and_no_environment_is_refused(checkout: Checkout) -> None:
    with pytest.raises(Refused, match="neither a file prod nor an environment"):
        key_commands.show_diff("prod", ".env.secrets", json=False, root=checkout.root)
    with pytest.raises(Refused, match="are the same: "):
        key_commands.show_diff("production", "staging", json=False, root=checkout.root)


def test_a_report_names_file_line_and_rule_and_no_value(checkout: Checkout, tmp_path: Path) -> None:
    with checkout.secrets_file.open("a", encoding="utf-8") as stream:
        stream.write(f"OPENAI_API_KEY=sk-{CANARY}\n")
    last = len(checkout.secrets_file.read_text("utf-8").splitlines())
    with pytest.raises(OpsError):
        check_command.check(json=True, root=checkout.root, report=str(tmp_path / "report"))

    texts = {path.name: path.read_text("utf-8") for path in (tmp_path / "report").iterdir()}
    assert set(texts) == {"secrets-validate.md", "secrets-validate.html", "secrets-validate.json"}
    [finding] = json.loads(texts["secrets-validate.json"])["findings"]
    assert (finding["rule"], finding["level"]) == ("secrets/unknown", "error")
    assert finding["place"] == {"file": ".env.secrets", "line": last, "column": 0}
    assert CANARY not in "".join(texts.values())
