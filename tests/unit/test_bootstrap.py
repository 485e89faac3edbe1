"""The bootstrap's decisions: what it reads from the host, what it would install, when there is nothing to do."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import string
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.repository import CHECKOUT, imports_of

SCRIPT = CHECKOUT / "scripts" / "bootstrap.py"
WORD = st.text(string.ascii_lowercase + string.digits + "-", min_size=1, max_size=12)
URI = st.builds("http://{}.example/{}".format, WORD, WORD)


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("optimus_bootstrap", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


bootstrap = load()


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environ})


class TestCommandLine:
    def test_everything_from_the_first_word_on_is_the_commands(self) -> None:
        request = bootstrap.parse_arguments(["--with-docker", "invoke", "scale", "--with-docker", "--help"])
        assert request.command == ("invoke", "scale", "--with-docker", "--help")
        assert request.with_docker

    def test_docker_is_not_touched_unasked(self) -> None:
        assert not bootstrap.parse_arguments(["nox"]).with_docker

    @pytest.mark.parametrize("arguments", [(), ("--with-docker",), ("--wiht-docker", "nox")])
    def test_bad_usage_is_one_message_with_exit_code_2(self, arguments: tuple[str, ...]) -> None:
        outcome = run(*arguments)
        assert outcome.returncode == 2
        assert "usage: bootstrap.py" in outcome.stderr
        assert "Traceback" not in outcome.stderr

    def test_help_is_no_failure(self) -> None:
        assert run("--help").returncode == 0


class TestEnvironment:
    @staticmethod
    def checkout(root: Path) -> Any:
        (root / "requirements").mkdir()
        (root / "requirements" / "dev.txt").write_text("one==1\n")
        (root / "services" / "kit" / "src").mkdir(parents=True)
        (root / "pyproject.toml").write_text('[project.scripts]\ngreet = "optimus_greet:main"\n')
        checkout = bootstrap.Checkout(root)
        checkout.python.parent.mkdir(parents=True)
        checkout.python.symlink_to(sys.executable)
        bootstrap.import_paths_file(checkout).parent.mkdir(parents=True)
        bootstrap.write_import_paths(checkout)
        checkout.stamp.write_text(bootstrap.fingerprint(checkout))
        return checkout

    def test_a_finished_environment_is_current(self, tmp_path: Path) -> None:
        assert bootstrap.environment_is_current(self.checkout(tmp_path))

    def test_the_environment_has_the_project_s_commands(self, tmp_path: Path) -> None:
        root = tmp_path / "a folder"
        root.mkdir()
        checkout = self.checkout(root)
        (root / "optimus_greet.py").write_text("import sys\ndef main(): print(sys.argv[1:]); return 3\n")
        bootstrap.write_commands(checkout)
        command = (str(checkout.environment / "bin" / "greet"), "a b", "$c")
        done = subprocess.run(command, env={"PYTHONPATH": str(root)}, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (3, "['a b', '$c']\n")

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda checkout: checkout.stamp.unlink(),
            lambda checkout: checkout.stamp.write_text(""),
            lambda checkout: checkout.lock.write_text("one==2\n"),
            lambda checkout: checkout.python.unlink(),
            lambda checkout: bootstrap.import_paths_file(checkout).unlink(),
        ],
        ids=["interrupted", "stamp cut off", "lock changed", "interpreter gone", "half removed"],
    )
    def test_any_other_is_made_again(self, tmp_path: Path, spoil: Callable[[object], object]) -> None:
        checkout = self.checkout(tmp_path)
        spoil(checkout)
        assert not bootstrap.environment_is_current(checkout)

    def test_a_lock_that_changes_while_it_is_installed_is_installed_again(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        checkout = self.checkout(tmp_path)
        checkout.stamp.unlink()

        def install(checkout: Any, *_log: object) -> bool:
            checkout.python.parent.mkdir(parents=True)
            checkout.python.symlink_to(sys.executable)
            bootstrap.import_paths_file(checkout).parent.mkdir(parents=True)
            checkout.lock.write_text("one==2\n")
            return True

        monkeypatch.setattr(bootstrap, "installed_with_uv", install)
        bootstrap.ensure_environment(checkout, None, 0)
        assert not bootstrap.environment_is_current(checkout)

    def test_a_moved_checkout_is_made_again(self, tmp_path: Path) -> None:
        before = tmp_path / "before"
        before.mkdir()
        self.checkout(before)
        moved = before.rename(tmp_path / "after")
        assert not bootstrap.environment_is_current(bootstrap.Checkout(moved))

    def test_a_new_service_is_importable_without_a_rebuild(self, tmp_path: Path) -> None:
        checkout = self.checkout(tmp_path)
        (tmp_path / "services" / "new" / "src").mkdir(parents=True)
        assert bootstrap.environment_is_current(checkout)
        paths = bootstrap.import_paths_file(checkout).read_text().splitlines()
        assert paths == [str(tmp_path / part) for part in ("src", "services/kit/src", "services/new/src")]


class TestPackageIndex:
    def test_uv_gets_the_index_and_certificates_of_pips_configuration(self) -> None:
        settings = bootstrap.parse_pip_configuration(
            "[global]\nindex-url = https://mirror.example/simple\ncert = /ca.pem\n"
        )
        environ = bootstrap.uv_environment({}, settings, Path("/missing"))
        assert environ == {"UV_DEFAULT_INDEX": "https://mirror.example/simple", "SSL_CERT_FILE": "/ca.pem"}

    def test_what_is_set_for_uv_itself_comes_first(self) -> None:
        own = {"UV_DEFAULT_INDEX": "https://own.example", "SSL_CERT_FILE": "/own.pem"}
        settings = {"index-url": "https://mirror.example", "cert": "/ca.pem"}
        assert bootstrap.uv_environment(own, settings, Path("/missing")) == own

    def test_uv_looks_wherever_pip_does(self) -> None:
        text = "[global]\nextra-index-url = https://one.example\n  https://two.example\nfind-links = /one /two\n"
        settings = bootstrap.parse_pip_configuration(text)
        assert bootstrap.uv_environment({"PIP_TIMEOUT": "7"}, {**settings, "timeout": "9"}, Path("/missing")) == {
            "PIP_TIMEOUT": "7",
            "UV_INDEX": "https://one.example https://two.example",
            "UV_INDEX_STRATEGY": "unsafe-best-match",
            "UV_FIND_LINKS": "/one,/two",
            "UV_HTTP_TIMEOUT": "7",
        }

    def test_uv_itself_comes_from_the_lock(self) -> None:
        lock = "uri==1 \\\n    --hash=sha256:0\nuv==2 \\\n    --hash=sha256:1 \\\n    --hash=sha256:2\nuvloop==3\n"
        assert bootstrap.locked("uv", lock) == "uv==2 \\\n    --hash=sha256:1 \\\n    --hash=sha256:2\n"
        assert bootstrap.locked("uv", "uvloop==3\n") == ""

    @pytest.mark.parametrize(
        ("failing", "installed"),
        [(None, ["uv.txt", "uv"]), ("uv.txt", ["uv.txt", "dev.txt"]), ("uv", ["uv.txt", "uv", "dev.txt"])],
    )
    @pytest.mark.parametrize("host_has_pip", [True, False])
    def test_pip_installs_what_uv_can_t(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        failing: str | None,
        installed: list[str],
        host_has_pip: bool,
    ) -> None:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: host_has_pip or name != "pip" or None)
        asked: list[str] = []

        class Log:
            path = tmp_path / "log"

            def run(self, command: tuple[object, ...], **_options: object) -> None:
                program, last = Path(str(command[0])).name, Path(str(command[-1])).name
                if "install" in command:
                    asked.append("uv" if program == "uv" else last)
                    if asked[-1] == failing:
                        raise bootstrap.CommandFailed("no")

        bootstrap.install_with_pip(TestEnvironment.checkout(tmp_path), Log(), 0)
        assert asked == installed

    def test_an_old_pip_learns_the_systems_certificates(self, tmp_path: Path) -> None:
        bundle = tmp_path / "ca.crt"
        bundle.touch()
        assert bootstrap.pip_environment({}, {}, bundle) == {"PIP_CERT": str(bundle)}

    @pytest.mark.parametrize(("environ", "settings"), [({"PIP_CERT": "/own.pem"}, {}), ({}, {"cert": "/own.pem"})])
    def test_certificates_that_the_host_chose_stay(
        self, tmp_path: Path, environ: dict[str, str], settings: dict[str, str]
    ) -> None:
        bundle = tmp_path / "ca.crt"
        bundle.touch()
        assert bootstrap.pip_environment(environ, settings, bundle) == environ

    def test_the_install_section_overrides_the_global_one(self) -> None:
        text = "[global]\nindex_url = https://one.example\n[install]\nindex-url = https://two.example\n"
        assert bootstrap.parse_pip_configuration(text)["index-url"] == "https://two.example"

    @given(st.text())
    def test_no_pip_configuration_breaks_it(self, text: str) -> None:
        bootstrap.parse_pip_configuration(text)


class TestMachine:
    @staticmethod
    def machine(distribution: str, codename: str, *, is_root: bool = True) -> Any:
        return bootstrap.Machine(distribution, codename, distribution.title(), is_root, has_systemd=False)

    def test_debian_12_takes_the_engine_from_the_next_release(self) -> None:
        packages = self.machine("debian", "bookworm").packages(("client", "engine", "compose", "buildx"))
        assert set(packages) == {
            *("docker.io/trixie", "docker-cli/trixie", "containerd/trixie"),
            *("docker-compose/trixie", "docker-buildx/trixie", "iptables"),
        }

    @pytest.mark.parametrize(
        ("distribution", "codename", "compose"),
        [("debian", "trixie", "docker-compose"), ("ubuntu", "noble", "docker-compose-v2")],
    )
    def test_later_releases_use_their_own_packages(self, distribution: str, codename: str, compose: str) -> None:
        packages = self.machine(distribution, codename).packages(("engine", "compose", "buildx"))
        assert {"docker.io", "docker-buildx", compose} <= set(packages)
        assert not any("/" in package for package in packages)

    def test_an_engine_that_is_there_is_left_alone(self) -> None:
        assert self.machine("debian", "bookworm").packages(("compose",)) == ("docker-compose/trixie",)

    @pytest.mark.parametrize(
        ("distribution", "is_root", "can"), [("debian", True, True), ("debian", False, False), ("fedora", True, False)]
    )
    def test_only_root_on_debian_or_ubuntu_installs(self, distribution: str, is_root: bool, can: bool) -> None:
        machine = self.machine(distribution, "", is_root=is_root)
        assert machine.can_install is can

    def test_advice_names_what_lacks_and_the_command(self) -> None:
        advice = bootstrap.installation_advice(self.machine("debian", "trixie", is_root=False), ("compose",))
        assert "compose" in advice
        assert "sudo" in advice


class TestOsRelease:
    def test_values_are_unquoted_as_in_a_shell(self) -> None:
        text = "ID=debian\n# comment\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nEMPTY=\nVERSION_ID='12'\n"
        name = "Debian GNU/Linux 12 (bookworm)"
        assert bootstrap.parse_os_release(text) == {
            "ID": "debian",
            "PRETTY_NAME": name,
            "EMPTY": "",
            "VERSION_ID": "12",
        }

    @given(st.text())
    def test_no_text_breaks_it(self, text: str) -> None:
        bootstrap.parse_os_release(text)


class TestAptSources:
    SOURCE = bootstrap.apt_sources().Source
    ARCHIVE = SOURCE(("http://mirror.example/debian",), ("bookworm", "bookworm-updates"), ("main",))

    def test_the_library_s_reader_of_sources_needs_nothing_installed(self) -> None:
        modules = {found.module.split(".")[0] for found in imports_of(Path(bootstrap.apt_sources().__file__ or ""))}
        assert modules <= sys.stdlib_module_names

    @given(st.permutations(range(4)))
    def test_debians_own_archive_is_told_from_other_vendors(self, order: list[int]) -> None:
        others = (
            self.SOURCE(("http://vendor.example/apt",), ("bookworm",), ("main",)),
            self.SOURCE(("http://engine.example/linux/debian",), ("bookworm",), ("stable",)),
            self.SOURCE(("http://mirror.example/debian-security",), ("bookworm-security",), ("main",)),
        )
        sources = (*others, self.ARCHIVE)
        assert bootstrap.debian_archive([sources[index] for index in order], "bookworm") == self.ARCHIVE

    def test_a_host_without_the_release_in_its_sources_has_no_archive(self) -> None:
        assert bootstrap.debian_archive([self.ARCHIVE], "trixie") is None


class TestVersions:
    @pytest.mark.parametrize(
        ("text", "version"), [("2.26.1-4\n", (2, 26, 1)), ("v2.20.0", (2, 20, 0)), ("dev", ()), ("", ())]
    )
    def test_the_leading_numbers_count(self, text: str, version: tuple[int, ...]) -> None:
        assert bootstrap.parse_version(text) == version


class TestLeftovers:
    def test_a_pid_of_another_program_is_not_the_daemon(self, tmp_path: Path) -> None:
        pid_file = tmp_path / "docker.pid"
        pid_file.write_text(str(os.getpid()))
        assert not bootstrap.runs(pid_file, "dockerd")

    @pytest.mark.parametrize("content", ["", "x", "4194305"], ids=["empty", "not a number", "beyond the highest pid"])
    def test_a_useless_pid_file_names_no_daemon(self, tmp_path: Path, content: str) -> None:
        pid_file = tmp_path / "docker.pid"
        pid_file.write_text(content)
        assert not bootstrap.runs(pid_file, "dockerd")

    @pytest.mark.parametrize(
        ("stat", "program"),
        [
            ("12 (dockerd) S 1 12", "dockerd"),
            ("12 (odd) name) R 1 12", "odd) name"),
            ("12 (dockerd) Z 1 12", None),
            ("", None),
        ],
    )
    def test_a_dead_process_that_nobody_reaped_runs_nothing(self, stat: str, program: str | None) -> None:
        assert bootstrap.parse_process_stat(stat) == program


class TestInstallers:
    def test_a_failure_shows_the_end_of_the_output(self, tmp_path: Path) -> None:
        log = bootstrap.Log(tmp_path / "log")
        script = "print('\\n'.join(map(str, range(100)))); raise SystemExit(4)"
        with pytest.raises(bootstrap.CommandFailed) as failure:
            log.run((sys.executable, "-c", script))
        assert "exit code 4" in failure.value.message
        assert failure.value.message.splitlines()[-2:] == ["98", "99"]
        assert "\n50\n" not in failure.value.message

    def test_one_bootstrap_at_a_time(self, tmp_path: Path) -> None:
        script = (
            "import fcntl, sys\n"
            "try: fcntl.flock(open(sys.argv[1]), fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
            "except BlockingIOError: print('held')\n"
        )
        command = [sys.executable, "-c", script, str(tmp_path / "lock")]
        with contextlib.ExitStack() as stack:
            stack.enter_context(bootstrap.exclusively(tmp_path / "lock"))
            assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "held\n"
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == ""


def test_a_pipe_is_told_every_ten_seconds_what_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    for seconds in range(21):
        bootstrap.tell_progress(f"downloading ({seconds} s)", seconds)
    assert capsys.readouterr().err.splitlines() == [f"bootstrap: downloading ({number} s)" for number in (0, 10, 20)]


class TestGnuPG:
    def machine(self, *, is_root: bool) -> Any:
        return bootstrap.Machine("debian", "bookworm", "Debian", is_root=is_root, has_systemd=False)

    def test_it_is_installed_where_it_is_missing_and_that_needs_nobodys_leave(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        installed: list[tuple[str, ...]] = []
        monkeypatch.setattr(bootstrap, "apt_install", lambda packages, _log: installed.append(packages))
        for path, is_root in ((tmp_path, False), (tmp_path, True), ("/nowhere", True)):
            monkeypatch.setenv("PATH", str(path))
            bootstrap.ensure_gpg(self.machine(is_root=is_root), bootstrap.Log(tmp_path / "log"))
        assert installed == [("gnupg",), ("gnupg",)]

        program = tmp_path / "gpg"
        program.touch(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        assert not bootstrap.gpg_can_be_installed(self.machine(is_root=True))

    def test_a_stack_does_without_it(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def fails(*_: object) -> None:
            raise bootstrap.CommandFailed("no package gnupg")

        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setattr(bootstrap, "apt_install", fails)
        bootstrap.ensure_gpg(self.machine(is_root=True), bootstrap.Log(tmp_path / "log"))
        assert "going on without GnuPG: no package gnupg" in capsys.readouterr().err


class TestPackagesMeanwhile:
    @pytest.fixture
    def lacking(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
        """Return a checkout without an environment, on a machine without an engine, which root may install."""
        machine = bootstrap.Machine("debian", "trixie", "Debian 13", is_root=True, has_systemd=False)
        monkeypatch.setattr(bootstrap.Machine, "observed", lambda: machine)
        monkeypatch.setattr(bootstrap, "engine_gaps", lambda: ("engine",))
        monkeypatch.setattr(bootstrap, "ensure_gpg", lambda *_arguments: None)
        (tmp_path / ".optimus").mkdir()
        return bootstrap.Checkout(tmp_path)

    def test_they_are_installed_while_the_environment_is_made(
        self, lacking: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        begun, made = lacking.root / "begun", lacking.root / "made"

        def install(*_arguments: object) -> None:
            begun.touch()
            while not made.exists():
                time.sleep(0.01)
            (lacking.root / "installed").touch()

        monkeypatch.setattr(bootstrap, "install_missing", install)
        with bootstrap.packages_installed_meanwhile(bootstrap.Request(("true",), with_docker=True), lacking):
            while not begun.exists():
                time.sleep(0.01)
            made.touch()
        assert (lacking.root / "installed").exists()

    def test_they_stop_where_the_environment_can_not_be_made(
        self, lacking: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Whoever runs this may handle the signal in a way of its own, which is not the child's.
        before = signal.signal(signal.SIGTERM, lambda *_arguments: None)
        forked: list[int] = []

        def fork(original: Callable[[], int] = os.fork) -> int:
            forked.append(original())
            return forked[-1]

        monkeypatch.setattr(os, "fork", fork)
        monkeypatch.setattr(bootstrap, "install_missing", lambda *_arguments: signal.pause())
        request = bootstrap.Request(("true",), with_docker=True)
        with (
            pytest.raises(bootstrap.Stop, match="no network"),
            bootstrap.packages_installed_meanwhile(request, lacking),
        ):
            raise bootstrap.Stop("no network")
        signal.signal(signal.SIGTERM, before)
        [child] = forked
        with pytest.raises(ChildProcessError):
            os.waitpid(child, os.WNOHANG)

    def test_what_fails_meanwhile_is_left_to_the_installation_after_it(
        self, lacking: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_arguments: object) -> None:
            raise bootstrap.CommandFailed("apt-get failed")

        monkeypatch.setattr(bootstrap, "install_missing", fail)
        with bootstrap.packages_installed_meanwhile(bootstrap.Request(("true",), with_docker=True), lacking):
            pass
