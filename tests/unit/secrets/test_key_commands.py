"""`invoke secrets.list`, `diff`, `get`, `set` and `run`."""

from __future__ import annotations

import getpass
import io
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.secrets.samples import EXAMPLE, Checkout

from optimus_ops.change.options import ChangeOptions
from optimus_ops.errors import Interrupted, MissingPrerequisite, OpsError, Refused, WouldChange
from optimus_ops.project.settings import load_project
from optimus_ops.secrets import commands, key_commands, provision, run_command, set_value, store
from optimus_ops.secrets.paths import SecretsPaths
from optimus_ops.secrets.value import Secret

SCHEMA = f"""{EXAMPLE}
# Where alerts go.
# @operator @type=url @environments=production,staging @max-age=30d
ALERT_URL=

# Key of the mail server.
# @consumers=backend-orchestrator @required-in=production
MAIL_KEY=
"""
CANARY = "canary51c0"
DAY = 86_400


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    made = Checkout.make(tmp_path / "checkout", SCHEMA)
    provision.ensure(SecretsPaths.of(load_project(made.root)))
    return made


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    """Return what puts a value on standard input."""

    def give(content: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), "ascii"))

    return give


def change(checkout: Checkout, key: str, options: ChangeOptions | None = None) -> None:
    key_commands.change_value(key, options or ChangeOptions(), root=checkout.root)


def state_of(checkout: Checkout) -> dict[str, str]:
    return {".env.secrets": checkout.secrets_file.read_text("utf-8"), **checkout.projected()}


class TestSet:
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
        self, checkout: Checkout, given: Callable[[bytes], None], content: bytes, value: str
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
        assert after[".env.secrets"] == before[".env.secrets"].replace("API_KEYS=\n", f"API_KEYS={value}\n")

    def test_the_same_value_again_changes_nothing(
        self, checkout: Checkout, given: Callable[[bytes], None], capsys: pytest.CaptureFixture[str]
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
        self, checkout: Checkout, given: Callable[[bytes], None]
    ) -> None:
        given(b"sk-a\n")
        change(checkout, "OPENAI_API_KEYS")
        (checkout.secrets_dir / "ai-engine" / "OPENAI_API_KEYS").unlink()
        given(b"sk-a\n")
        change(checkout, "OPENAI_API_KEYS")

        assert checkout.projected()["ai-engine/OPENAI_API_KEYS"] == "sk-a"

    def test_a_plan_changes_nothing_and_shows_no_value(
        self, checkout: Checkout, given: Callable[[bytes], None], capsys: pytest.CaptureFixture[str]
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
        self, checkout: Checkout, given: Callable[[bytes], None], key: str, content: bytes, message: str
    ) -> None:
        before = state_of(checkout)
        given(content)
        with pytest.raises(Refused) as refused:
            change(checkout, key)

        assert message in str(refused.value)
        assert CANARY not in str(refused.value)
        assert state_of(checkout) == before

    def test_a_required_value_can_not_be_cleared_and_another_can(
        self, checkout: Checkout, given: Callable[[bytes], None]
    ) -> None:
        given(b"sk-a\n")
        change(checkout, "OPENAI_API_KEYS")
        key_commands.change_value("OPENAI_API_KEYS", ChangeOptions(), clear=True, root=checkout.root)

        assert "ai-engine/OPENAI_API_KEYS" not in checkout.projected()
        with pytest.raises(Refused, match="POSTGRES_PASSWORD is missing"):
            key_commands.change_value("POSTGRES_PASSWORD", ChangeOptions(), clear=True, root=checkout.root)

    @pytest.mark.parametrize("failure", [OpsError("no room"), Interrupted(signal.SIGTERM)])
    def test_a_failure_half_way_puts_file_and_services_back(
        self,
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
        self, checkout: Checkout, given: Callable[[bytes], None], capsys: pytest.CaptureFixture[str]
    ) -> None:
        given(f"sk-{CANARY}\n".encode())
        change(checkout, "OPENAI_API_KEYS")

        kept = "".join(path.read_text("utf-8") for path in (checkout.root / ".optimus").rglob("*.jsonl"))
        assert "OPENAI_API_KEYS" in kept
        assert CANARY not in kept
        ages = (checkout.root / ".optimus" / "secret-ages.json").read_text("utf-8")
        assert CANARY not in ages + "".join(capsys.readouterr())

    def test_without_a_file_it_says_what_makes_one(self, checkout: Checkout, given: Callable[[bytes], None]) -> None:
        checkout.secrets_file.unlink()
        given(b"sk-a\n")
        with pytest.raises(Refused, match=r"invoke secrets\.init makes it"):
            change(checkout, "OPENAI_API_KEYS")

    def test_an_environment_s_own_file_is_changed_and_nothing_else(
        self, checkout: Checkout, given: Callable[[bytes], None]
    ) -> None:
        commands.init(ChangeOptions(), checkout.root, "staging")
        before = state_of(checkout)
        given(b"https://alerts.example/hook\n")
        key_commands.change_value("ALERT_URL", ChangeOptions(), environment="staging", root=checkout.root)

        own = checkout.secrets_file.with_name(".env.secrets.staging")
        assert "ALERT_URL=https://alerts.example/hook\n" in own.read_text("utf-8")
        assert own.stat().st_mode & 0o777 == 0o600
        assert state_of(checkout) == before

    def test_a_shared_file_is_not_changed_for_one_environment(
        self, checkout: Checkout, given: Callable[[bytes], None]
    ) -> None:
        given(b"x\n")
        with pytest.raises(Refused, match=r"staging has no file of its own: it shares \.env\.secrets"):
            key_commands.change_value("MAIL_KEY", ChangeOptions(), environment="staging", root=checkout.root)


class TestGet:
    def test_a_value_is_printed_as_it_is_whatever_the_locale(
        self, checkout: Checkout, capfdbinary: pytest.CaptureFixture[bytes], given: Callable[[bytes], None]
    ) -> None:
        value = "zwei Wörter\n$HOME 'und' 密"
        given(value.encode())
        change(checkout, "MAIL_KEY")
        capfdbinary.readouterr()
        key_commands.print_value("MAIL_KEY", root=checkout.root)

        assert capfdbinary.readouterr().out == f"{value}\n".encode()

    def test_an_empty_one_fails_and_an_unknown_one_is_refused(self, checkout: Checkout) -> None:
        with pytest.raises(OpsError, match=r"OPENAI_API_KEYS is empty in \.env\.secrets") as failed:
            key_commands.print_value("OPENAI_API_KEYS", root=checkout.root)
        assert failed.value.exit_code == 1
        with pytest.raises(Refused, match="did you mean OPENAI_API_KEYS"):
            key_commands.print_value("OPENAI_API_KEY", root=checkout.root)


class TestList:
    def test_each_secret_has_its_state_age_and_readers(
        self, checkout: Checkout, capsys: pytest.CaptureFixture[str], given: Callable[[bytes], None]
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
        self, checkout: Checkout, capsys: pytest.CaptureFixture[str], given: Callable[[bytes], None]
    ) -> None:
        given(b"https://alerts.example/hook\n")
        change(checkout, "ALERT_URL")
        self._set_back(checkout, 31 * DAY)
        capsys.readouterr()
        key_commands.show_list(json=False, root=checkout.root)
        commands.check(json=True, root=checkout.root)

        listed, _, checked = capsys.readouterr().out.partition("{")
        assert "31 of 30 d, due" in listed
        assert "1 due for replacement" in listed
        [finding] = json.loads("{" + checked)["findings"]
        assert (finding["subject"], finding["severity"]) == ("ALERT_URL", "warning")
        assert finding["problem"] == "is 31 days old, and 30 is the most"
        assert finding["line"] == 1 + checkout.secrets_file.read_text("utf-8").split("ALERT_URL=")[0].count("\n")

    @staticmethod
    def _set_back(checkout: Checkout, seconds: float) -> None:
        """Date all ages back."""
        book = checkout.root / ".optimus" / "secret-ages.json"
        document = json.loads(book.read_text("utf-8"))
        for age in document["files"][".env.secrets"].values():
            age["since"] -= seconds
        book.write_text(json.dumps(document), "utf-8")


class TestDiff:
    def test_two_environments_differ_by_name_and_not_by_value(
        self, checkout: Checkout, capsys: pytest.CaptureFixture[str], given: Callable[[bytes], None]
    ) -> None:
        commands.init(ChangeOptions(), checkout.root, "staging")
        given(f"sk-{CANARY}\n".encode())
        change(checkout, "OPENAI_API_KEYS")
        given(b"mail\n")
        key_commands.change_value("MAIL_KEY", ChangeOptions(), environment="staging", root=checkout.root)
        for environment in ("staging", "production"):
            given(b"https://alerts.example/hook\n")
            own = environment if environment == "staging" else ""
            key_commands.change_value("ALERT_URL", ChangeOptions(), environment=own, root=checkout.root)
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

    def test_files_are_compared_by_path(
        self, checkout: Checkout, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for name, text in (("a.env", "X=1\nY=2\n"), ("b.env", "X=1\nY=3\n")):
            (tmp_path / name).write_text(text, "utf-8")
        key_commands.show_diff(str(tmp_path / "a.env"), str(tmp_path / "b.env"), json=True, root=checkout.root)

        document = json.loads(capsys.readouterr().out)
        assert (document["different"], document["same"]) == (["Y"], ["X"])

    def test_what_is_no_file_and_no_environment_is_refused(self, checkout: Checkout) -> None:
        with pytest.raises(Refused, match="neither a file prod nor an environment"):
            key_commands.show_diff("prod", ".env.secrets", json=False, root=checkout.root)
        with pytest.raises(Refused, match="are the same file"):
            key_commands.show_diff("production", "staging", json=False, root=checkout.root)


class TestRun:
    def run(self, checkout: Checkout, *words: str, service: str = "") -> subprocess.CompletedProcess[str]:
        code = textwrap.dedent(f"""
            import sys
            from pathlib import Path
            from optimus_ops.secrets import key_commands
            key_commands.run({service!r}, root=Path({str(checkout.root)!r}))
        """)
        argv = [sys.executable, "-c", code, "--", *words]
        environ = {"PATH": os.environ["PATH"], "MINE": "1"}
        return subprocess.run(argv, capture_output=True, text=True, check=False, env=environ)

    def test_the_command_gets_the_secrets_its_words_and_the_rest_of_the_environment(self, checkout: Checkout) -> None:
        done = self.run(checkout, "sh", "-c", 'echo "$POSTGRES_PASSWORD|$MINE|$1|$#"', "sh", "two words", "")

        password = provision.observe(checkout.paths).document
        assert password is not None
        assert done.stdout == f"{password.values['POSTGRES_PASSWORD'].reveal()}|1|two words|2\n"

    def test_it_gets_what_one_service_reads_and_no_more(self, checkout: Checkout) -> None:
        names = {line.partition("=")[0] for line in self.run(checkout, "env", service="redis").stdout.splitlines()}

        assert "REDIS_PASSWORD" in names
        assert not names & {"POSTGRES_PASSWORD", "TENANT_ACME_API_KEY"}

    def test_a_key_that_nobody_described_is_named_and_not_handed_over(self, checkout: Checkout) -> None:
        with checkout.secrets_file.open("a", encoding="utf-8") as stream:
            stream.write("LD_PRELOAD=/nowhere.so\n")
        done = self.run(checkout, "env")

        assert "LD_PRELOAD=" not in done.stdout
        assert done.stderr == "not handed over, since .env.example doesn't describe it: LD_PRELOAD\n"

    def test_exit_code_and_signals_are_the_command_s(self, checkout: Checkout) -> None:
        assert self.run(checkout, "sh", "-c", "exit 7").returncode == 7
        assert self.run(checkout, "sh", "-c", "kill -TERM $$").returncode == -signal.SIGTERM
        # A writer whose reader is gone ends quietly, as it would without us.
        assert self.run(checkout, "sh", "-c", "yes | head -n 1").stderr == ""

    def test_what_can_not_be_run_is_told(self, checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "argv", ["invoke", "secrets.run"])
        with pytest.raises(Refused, match="no command to run"):
            key_commands.run("", root=checkout.root)
        monkeypatch.setattr(sys, "argv", ["invoke", "secrets.run", "--", "no-such-program-here"])
        with pytest.raises(MissingPrerequisite, match="no program 'no-such-program-here'"):
            key_commands.run("", root=checkout.root)
        with pytest.raises(Refused, match="did you mean redis"):
            key_commands.run("rediss", root=checkout.root)

    def test_what_stands_behind_the_first_two_dashes_is_the_command(self) -> None:
        assert run_command.command_words(["secrets.run", "--", "a", "--", "b"]) == ("a", "--", "b")


class TestEnvironments:
    def test_what_production_requires_is_missing_there_alone(self, checkout: Checkout) -> None:
        with pytest.raises(OpsError):
            commands.check(json=True, environment="production", root=checkout.root)
        commands.check(json=True, environment="staging", root=checkout.root)
        commands.check(json=True, root=checkout.root)

    def test_a_mistyped_environment_is_refused(self, checkout: Checkout) -> None:
        with pytest.raises(Refused, match="no environment 'prodution'"):
            commands.check(json=True, environment="prodution", root=checkout.root)
        for name in ("../x", "A", ""):
            if name:
                with pytest.raises(Refused, match="bad name of an environment"):
                    commands.init(ChangeOptions(), checkout.root, name)

    def test_a_file_of_its_own_has_only_what_it_uses_and_no_service_reads_it(self, checkout: Checkout) -> None:
        before = checkout.projected()
        commands.init(ChangeOptions(), checkout.root, "development")
        own = checkout.secrets_file.with_name(".env.secrets.development").read_text("utf-8")

        assert "ALERT_URL" not in own
        assert "POSTGRES_PASSWORD=" in own
        assert checkout.projected() == before


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
