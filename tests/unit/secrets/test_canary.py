"""No value comes out: not in what tasks print, not in what errors say, not in a traceback's text."""

from __future__ import annotations

import traceback
from functools import partial
from typing import TYPE_CHECKING

import pytest
from tests.unit.secrets.samples import EXAMPLE, Checkout

from optimus_ops.change.options import ChangeOptions
from optimus_ops.errors import OpsError
from optimus_ops.secrets import check_command, commands, key_commands, set_command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CANARY = "canary7f3a"


@pytest.mark.parametrize(
    "secrets_text",
    [
        f"OPENAI_API_KEYS=sk-{CANARY}\n",
        f"OPENAI_API_KEYS={CANARY}\n",
        f"POSTGRES_PASSWORD={CANARY}\nPOSTGRES_PASSWORD={CANARY}\n",
        f"POSTGRES_PASSWORD={CANARY} and more\n",
        f"{CANARY}\n",
        f"UNKNOWN={CANARY}\n",
        f"TENANT_GONE_API_KEY={CANARY}\nREDIS_PASSWORD='{CANARY}$'\n",
    ],
)
def test_no_value_comes_out(tmp_path: Path, capsys: pytest.CaptureFixture[str], secrets_text: str) -> None:
    checkout = Checkout.make(tmp_path / "checkout", EXAMPLE)
    checkout.write_secrets(secrets_text)
    said = []
    for as_json in (False, True):
        runs = (
            partial(commands.init, ChangeOptions(plan=True, json=as_json), checkout.root),
            partial(commands.init, ChangeOptions(plan=False, json=as_json), checkout.root),
            partial(check_command.check, json=as_json, root=checkout.root),
        )
        for run in runs:
            try:
                run()
            except OpsError:
                said.append(traceback.format_exc())
    output = capsys.readouterr()
    shown = "".join([*said, output.out, output.err])

    assert shown
    assert CANARY not in shown
    for value in checkout.projected().values():
        assert value not in shown


def test_a_value_is_nowhere_but_in_the_file_and_with_its_services(
    checkout: Checkout, given: Callable[[bytes], None], capfd: pytest.CaptureFixture[str]
) -> None:
    root, value = checkout.root, f"sk-{CANARY}"
    commands.init(ChangeOptions(), root, "staging")
    for options in (ChangeOptions(plan=True), ChangeOptions(plan=True, json=True), ChangeOptions(), ChangeOptions()):
        given(f"{value}\n".encode())
        set_command.change_value("OPENAI_API_KEYS", options, root=root)
    for as_json in (False, True):
        key_commands.show_list(json=as_json, root=root)
        key_commands.show_diff("production", "staging", json=as_json, root=root)
        check_command.check(json=as_json, root=root, report=str(root / "report"))
    output = capfd.readouterr()

    holders = {
        str(path.relative_to(root))
        for path in root.rglob("*")
        if path.is_file() and value.encode() in path.read_bytes()
    }
    assert holders == {".env.secrets", ".optimus/secrets/ai-engine/OPENAI_API_KEYS"}
    assert "OPENAI_API_KEYS" in output.out
    assert CANARY not in output.out + output.err


def test_tasks_tell_what_they_did_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkout = Checkout.make(tmp_path / "checkout")

    commands.init(ChangeOptions(), checkout.root)
    first = capsys.readouterr().out
    commands.init(ChangeOptions(), checkout.root)
    second = capsys.readouterr().out

    assert ".env.secrets created (mode 0600, not in git)" in first
    assert "generated: POSTGRES_PASSWORD, REDIS_PASSWORD, TENANT_ACME_API_KEY, TENANT_GLOBEX_API_KEY" in first
    assert second.splitlines() == [
        "checkout: secrets.init: nothing to do",
        ".env.secrets is complete; nothing to do",
        "empty, which is fine: OPENAI_API_KEYS",
    ]
