"""`invoke secrets.run`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

import pytest
from tests.unit.secrets.samples import Checkout

from optimus_ops.errors import MissingPrerequisite, Refused
from optimus_ops.secrets import key_commands, provision, run_command

DAY = 86_400


def run(checkout: Checkout, *words: str, service: str = "") -> subprocess.CompletedProcess[str]:
    code = textwrap.dedent(f"""
        import sys
        from pathlib import Path
        from optimus_ops.secrets import key_commands
        key_commands.run({service!r}, root=Path({str(checkout.root)!r}))
    """)
    argv = [sys.executable, "-c", code, "--", *words]
    environ = {"PATH": os.environ["PATH"], "MINE": "1"}
    return subprocess.run(argv, capture_output=True, text=True, check=False, env=environ)


def test_the_command_gets_the_secrets_its_words_and_the_rest_of_the_environment(checkout: Checkout) -> None:
    done = run(checkout, "sh", "-c", 'echo "$POSTGRES_PASSWORD|$MINE|$1|$#"', "sh", "two words", "")

    password = provision.observe(checkout.paths).document
    assert password is not None
    assert done.stdout == f"{password.values['POSTGRES_PASSWORD'].reveal()}|1|two words|2\n"


def test_it_gets_what_one_service_reads_and_no_more(checkout: Checkout) -> None:
    names = {line.partition("=")[0] for line in run(checkout, "env", service="redis").stdout.splitlines()}

    assert "REDIS_PASSWORD" in names
    assert not names & {"POSTGRES_PASSWORD", "TENANT_ACME_API_KEY"}


def test_a_key_that_nobody_described_is_named_and_not_handed_over(checkout: Checkout) -> None:
    with checkout.secrets_file.open("a", encoding="utf-8") as stream:
        stream.write("LD_PRELOAD=/nowhere.so\n")
    done = run(checkout, "env")

    assert "LD_PRELOAD=" not in done.stdout
    assert done.stderr == "not handed over, since .env.example doesn't describe it: LD_PRELOAD\n"


def test_exit_code_and_signals_are_the_command_s(checkout: Checkout) -> None:
    assert run(checkout, "sh", "-c", "exit 7").returncode == 7
    assert run(checkout, "sh", "-c", "kill -TERM $$").returncode == -signal.SIGTERM
    # A writer whose reader is gone ends quietly, as it would without us.
    assert run(checkout, "sh", "-c", "yes | head -n 1").stderr == ""


def test_what_can_not_be_run_is_told(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["invoke", "secrets.run"])
    with pytest.raises(Refused, match="no command to run"):
        key_commands.run("", root=checkout.root)
    monkeypatch.setattr(sys, "argv", ["invoke", "secrets.run", "--", "no-such-program-here"])
    with pytest.raises(MissingPrerequisite, match="no program 'no-such-program-here'"):
        key_commands.run("", root=checkout.root)
    with pytest.raises(Refused, match="did you mean redis"):
        key_commands.run("rediss", root=checkout.root)


def test_what_stands_behind_the_first_two_dashes_is_the_command() -> None:
    assert run_command.command_words(["secrets.run", "--", "a", "--", "b"]) == ("a", "--", "b")
