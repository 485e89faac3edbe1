#!/usr/bin/env python3
"""Make a fresh machine ready, then become a command: `bootstrap.py [--with-docker] COMMAND...`.

The locked environment goes to `.venv`; the command replaces this process, with that environment first on its path.
With `--with-docker`, a Docker engine with Compose and buildx is installed and started where none answers (as root, on
Debian or Ubuntu). When nothing has changed since last time, nothing is done. It can be interrupted at any point and run
again. It speaks on standard error only, so standard output is the command's own.

Exit codes, before the command takes over: 1 something failed, 2 bad usage, 3 a prerequisite is missing (named, with
the commands that install it), 127 there is no such command, 130 interrupted.

Standard library only: it runs before anything is installed.
"""

from __future__ import annotations

import configparser
import contextlib
import fcntl
import hashlib
import importlib.util
import itertools
import os
import platform
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, NoReturn

if sys.version_info < (3, 11):  # noqa: UP036 -- this file is the one that an older Python may be asked to run
    sys.stderr.write("bootstrap: Python 3.11 or newer is needed, and this is %s.\n" % sys.version.split()[0])  # noqa: UP031
    sys.exit(3)

USAGE = """usage: bootstrap.py [--with-docker] COMMAND [ARGUMENT...]

Makes .venv from the locked requirements, then runs COMMAND inside it, for example:
  python3 scripts/bootstrap.py --with-docker invoke scale --ai-engine 3

  --with-docker  also install and start a Docker engine if none answers (root on Debian or Ubuntu)"""

OLDEST_COMPOSE = (2, 20)  # start_interval in health checks, which the stack uses
NEXT_DEBIAN_RELEASE = {"bookworm": "trixie"}  # for releases whose own packages lack Compose v2
DEBIAN_PACKAGES = {
    "engine": ("docker.io", "docker-cli", "containerd"),  # one release for all three
    "client": ("docker-cli",),
    "compose": ("docker-compose",),
    "buildx": ("docker-buildx",),
}
UBUNTU_PACKAGES = {
    "engine": ("docker.io",),
    "client": ("docker.io",),
    "compose": ("docker-compose-v2",),
    "buildx": ("docker-buildx",),
}
ENGINE_TIMEOUT = 90  # seconds; the first start creates its storage, a slow disk needs a while
APT_LOCK_TIMEOUT = 120  # seconds; a freshly booted machine may be upgrading itself
LOG_TAIL = 20  # lines shown when a command fails
DOCKER_SOCKET = Path("/var/run/docker.sock")
ENGINE_PID_FILE = Path("/var/run/docker.pid")
CONTAINERD_PID_FILE = Path("/run/docker/containerd/containerd.pid")
CONTAINERD_SOCKET = Path("/run/containerd/containerd.sock")
UV_SETTINGS = {
    "index-url": ("UV_DEFAULT_INDEX", " "),
    "extra-index-url": ("UV_INDEX", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "no-index": ("UV_NO_INDEX", " "),
    "trusted-host": ("UV_INSECURE_HOST", " "),
    "default-timeout": ("UV_HTTP_TIMEOUT", " "),
    "timeout": ("UV_HTTP_TIMEOUT", " "),
}
"""What pip calls a setting, how uv's variable for it is called, and what separates the words in it."""
DEBIAN_CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
DAEMON_ENVIRONMENT = re.compile(r"PATH|HOME|LANG|TMPDIR|SSL_CERT_(FILE|DIR)|(HTTPS?|NO|ALL)_PROXY", re.IGNORECASE)


def main(arguments: Sequence[str]) -> int:
    """Make the machine ready and become the command; return only if that is not possible."""
    signal.signal(signal.SIGTERM, stop_on_signal)
    try:
        request = parse_arguments(arguments)
        prepare(request, Checkout(Path(__file__).resolve().parent.parent))
    except Stop as stop:
        say(stop.message)
        return stop.exit_code
    except KeyboardInterrupt:
        say("interrupted; run it again to go on.")
        return 130
    except OSError as error:
        say(f"{error.filename or 'the operating system'}: {error.strerror or error}")
        return 1
    return 0


def prepare(request: Request, checkout: Checkout) -> None:
    """Do what is missing, one bootstrap at a time, then run the request's command."""
    if not is_ready(request, checkout):
        with exclusively(checkout.lock_file) as lock:
            log = Log(checkout.log_file)
            # The environment first: if root has to bring the engine, it finds .venv made by its user.
            with packages_installed_meanwhile(request, checkout):
                ensure_environment(checkout, log, lock)
            if request.with_docker:
                ensure_engine(Machine.observed(), log)
                ensure_gpg(Machine.observed(), log)
    become(request.command, checkout)


def is_ready(request: Request, checkout: Checkout) -> bool:
    """Say whether nothing has to be done before the command."""
    lacking = request.with_docker and (engine_gaps() or gpg_can_be_installed(Machine.observed()))
    return environment_is_current(checkout) and not lacking


class Stop(Exception):  # noqa: N818 -- not always an error: `--help` stops as well
    """The command is not reached: a message for the user and the exit code."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code


class CommandFailed(Stop):
    """An installer failed; some of its callers have another way."""


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line."""

    command: tuple[str, ...]
    with_docker: bool = False


@dataclass(frozen=True)
class Checkout:
    """The repository's folder and what bootstrap reads and makes in it."""

    root: Path

    @property
    def environment(self) -> Path:
        """The virtual environment."""
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.environment / "bin" / "python"

    @property
    def stamp(self) -> Path:
        """Written last: holds the fingerprint of what the environment was made from."""
        return self.environment / "optimus-stamp"

    @property
    def lock(self) -> Path:
        """The hash-locked requirements."""
        return self.root / "requirements" / "dev.txt"

    @property
    def log_file(self) -> Path:
        """Where the output of installers goes."""
        return self.root / ".optimus" / "bootstrap.log"

    @property
    def lock_file(self) -> Path:
        """Held while a bootstrap is at work here."""
        return self.root / ".optimus" / "bootstrap.lock"

    @property
    def import_paths(self) -> tuple[Path, ...]:
        """The source folders that the environment can import from."""
        return (self.root / "src", *sorted(self.root.glob("services/*/src")))


@dataclass(frozen=True)
class Machine:
    """What decides how an engine can be installed here."""

    distribution: str
    codename: str
    name: str
    is_root: bool
    has_systemd: bool

    @classmethod
    def observed(cls) -> Machine:
        """Look at this machine."""
        with contextlib.suppress(OSError):
            release = parse_os_release(Path("/etc/os-release").read_text(encoding="utf-8"))
            return cls(
                distribution=release.get("ID", ""),
                codename=release.get("VERSION_CODENAME", ""),
                name=release.get("PRETTY_NAME", "this system"),
                is_root=os.geteuid() == 0,
                has_systemd=Path("/run/systemd/system").is_dir(),
            )
        return cls("", "", platform.system(), is_root=os.geteuid() == 0, has_systemd=False)

    @property
    def has_apt(self) -> bool:
        """Debian and Ubuntu; their derivatives name their releases otherwise, so they are not guessed at."""
        return self.distribution in ("debian", "ubuntu")

    @property
    def can_install(self) -> bool:
        """Whether packages may be installed without asking anybody."""
        return self.is_root and self.has_apt

    @property
    def newer_release(self) -> str | None:
        """The Debian release to take the engine from, if this one's has no Compose v2."""
        return NEXT_DEBIAN_RELEASE.get(self.codename) if self.distribution == "debian" else None

    def packages(self, gaps: Sequence[str]) -> tuple[str, ...]:
        """Return the arguments for apt-get that fill the gaps named by `engine_gaps`, and nothing more."""
        names = UBUNTU_PACKAGES if self.distribution == "ubuntu" else DEBIAN_PACKAGES
        suffix = f"/{self.newer_release}" if self.newer_release else ""
        wanted = [name + suffix for gap in gaps for name in names[gap]]
        if "engine" in gaps:
            wanted.append("iptables")  # the engine only recommends it, but published ports need it
        return tuple(dict.fromkeys(wanted))


def parse_arguments(arguments: Sequence[str]) -> Request:
    """Split bootstrap's own options from the command; everything from the first word on is the command's."""
    own = [*arguments]
    with_docker = False
    while own and own[0].startswith("-"):
        option = own.pop(0)
        if option in ("-h", "--help"):
            raise Stop(USAGE, 0)
        if option != "--with-docker":
            raise Stop(f"there is no option {option}.\n{USAGE}", 2)
        with_docker = True
    if not own:
        raise Stop(f"which command?\n{USAGE}", 2)
    return Request(tuple(own), with_docker)


def become(command: Sequence[str], checkout: Checkout) -> None:
    """Replace this process by the command, in the environment."""
    environ = {name: value for name, value in os.environ.items() if name not in ("PYTHONHOME", "__PYVENV_LAUNCHER__")}
    path = os.pathsep.join((str(checkout.environment / "bin"), environ.get("PATH", os.defpath)))
    program = shutil.which(command[0], path=path)
    if program is None:
        raise Stop(f"there is no command {command[0]!r}, in .venv/bin or elsewhere on the path.", 127)
    sys.stderr.flush()
    os.execve(program, list(command), {**environ, "PATH": path, "VIRTUAL_ENV": str(checkout.environment)})  # noqa: S606


def ensure_environment(checkout: Checkout, log: Log, lock: int) -> None:
    """Make .venv from the lock, unless it is there and current."""
    if environment_is_current(checkout):
        return
    say("making .venv from requirements/dev.txt")
    # Of the lock as it is before it is read: it may change meanwhile, as by `git pull`.
    made_from = fingerprint(checkout)
    remove(checkout.environment)
    if not installed_with_uv(checkout, log, lock):
        install_with_pip(checkout, log, lock)
    write_import_paths(checkout)
    write_commands(checkout)
    checkout.stamp.write_text(made_from, encoding="utf-8")


def environment_is_current(checkout: Checkout) -> bool:
    """Say whether .venv was finished from this lock, with this Python and for this place."""
    try:
        stamped = checkout.stamp.read_text(encoding="utf-8")
    except OSError:
        return False
    if stamped != fingerprint(checkout) or not os.access(checkout.python, os.X_OK):
        return False
    if import_paths_file(checkout).is_file():
        write_import_paths(checkout)
        write_commands(checkout)
        return True
    return False


def fingerprint(checkout: Checkout) -> str:
    """Hash what the environment depends on; the place counts because scripts in an environment name it."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    parts = (checkout.lock.read_bytes(), version.encode(), os.fsencode(checkout.root))
    return hashlib.sha256(b"\0".join(parts)).hexdigest() + "\n"


def import_paths_file(checkout: Checkout) -> Path:
    """Return where Python looks for further import paths of the environment."""
    library = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return checkout.environment / "lib" / library / "site-packages" / "optimus-checkout.pth"


def write_import_paths(checkout: Checkout) -> None:
    """Let the environment import the checkout's source folders; a new service shows up without a rebuild."""
    write_if_changed(import_paths_file(checkout), "".join(f"{path}\n" for path in checkout.import_paths))


def write_commands(checkout: Checkout) -> None:
    """Give the environment the commands that pyproject.toml names, as an installation of the wheel would."""
    with (checkout.root / "pyproject.toml").open("rb") as file:
        scripts = tomllib.load(file).get("project", {}).get("scripts", {})
    for name, target in scripts.items():
        module, _colon, function = target.partition(":")
        # A path may hold spaces, which the first line of a script can't: both sh and Python read the second one.
        again = f"'''exec' {shlex.quote(str(checkout.python))} \"$0\" \"$@\"\n' '''"
        # Processes that such a command starts may load it as a module.
        call = ('if __name__ == "__main__":', f"    sys.exit({function}())")
        lines = ("#!/bin/sh", again, "import sys", f"from {module} import {function}", *call)
        path = checkout.environment / "bin" / name
        write_if_changed(path, "\n".join(lines) + "\n")
        path.chmod(0o755)


def write_if_changed(path: Path, text: str) -> None:
    """Write a file unless it says that already."""
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def installed_with_uv(checkout: Checkout, log: Log, lock: int) -> bool:
    """Make the environment with uv; False if uv is not there or could not do it."""
    uv = shutil.which("uv")
    if uv is None:
        return False
    try:
        log.run((uv, "venv", "--quiet", "--python", base_python(), checkout.environment), keep_open=lock)
        fill_with_uv(uv, checkout, log, lock)
    except CommandFailed:
        say(f"uv could not make it (see {log.path}); trying pip.")
        remove(checkout.environment)
        return False
    return True


def fill_with_uv(uv: str | Path, checkout: Checkout, log: Log, lock: int) -> None:
    """Install the lock into the environment with uv.

    Raises:
        CommandFailed: uv could not.
    """
    command = (uv, "pip", "install", "--python", checkout.python, "--require-hashes", "--requirement", checkout.lock)
    environ = uv_environment(os.environ, host_pip_settings(os.environ), DEBIAN_CA_BUNDLE)
    log.run(command, environ=environ, keep_open=lock)


def install_with_pip(checkout: Checkout, log: Log, lock: int) -> None:
    """Make the environment with the standard library's venv; pip brings uv, and what uv can't bring."""
    ensure_venv_module(log)
    make = (base_python(), "-m", "venv", checkout.environment)
    own_pip = (checkout.python, "-m", "pip")
    try:
        # pip takes a minute of processor time for what uv installs in seconds, and making an environment that has pip
        # takes four, which the host's pip spares.
        on_host = importlib.util.find_spec("pip") is not None
        log.run((*make, "--without-pip") if on_host else make, keep_open=lock)
        only_uv = checkout.environment / "uv.txt"
        only_uv.write_text(locked("uv", checkout.lock.read_text(encoding="utf-8")), encoding="utf-8")
        pip = (base_python(), "-m", "pip", "--python", checkout.python) if on_host else own_pip
        fill_with_pip(pip, only_uv, log, lock)
        fill_with_uv(checkout.environment / "bin" / "uv", checkout, log, lock)
    except (CommandFailed, OSError):
        say(f"uv could not install it (see {log.path}); going on with pip.")
        log.run(make, keep_open=lock)
        fill_with_pip(own_pip, checkout.lock, log, lock)
    # On all cores, where pip has one. Nobody imports the tests of packages; some files compile with no Python of ours.
    with contextlib.suppress(CommandFailed):
        compile_all = (checkout.python, "-m", "compileall", "-q", "-j", "0", "-x", "/tests?/")
        log.run((*compile_all, checkout.environment / "lib"), keep_open=lock)


def fill_with_pip(pip: Sequence[str | Path], requirements: Path, log: Log, lock: int) -> None:
    """Install requirements into the environment with a pip.

    Raises:
        CommandFailed: pip could not.
    """
    command = (*pip, "install", "--no-input", "--progress-bar", "off", "--no-compile")
    log.run(
        (*command, "--require-hashes", "--requirement", requirements),
        environ=pip_environment(os.environ, host_pip_settings(os.environ), DEBIAN_CA_BUNDLE),
        keep_open=lock,
    )


def locked(name: str, lock: str) -> str:
    """Return the lines of a lock that are about one package: its version and hashes; nothing if it has none."""
    found = re.search(rf"^{re.escape(name)}==.*\n(?:[ \t]+.*\n)*", lock, re.MULTILINE)
    return found[0] if found else ""


def ensure_venv_module(log: Log) -> None:
    """Install what Debian splits from Python's standard library, if it is missing."""
    if importlib.util.find_spec("ensurepip") and importlib.util.find_spec("venv"):
        return
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    machine = Machine.observed()
    if not machine.can_install:
        raise Stop(f"this Python cannot make virtual environments. As root: apt-get install {package}", 3)
    say(f"installing {package}: this Python cannot make virtual environments without it")
    apt_install((package,), log)
    check = subprocess.run([base_python(), "-c", "import ensurepip, venv"], capture_output=True, check=False)
    if check.returncode != 0:
        raise Stop(f"{base_python()} cannot make virtual environments: run bootstrap with the system's python3.", 3)


def base_python() -> str:
    """Return the interpreter outside any environment: .venv must not be made by a Python inside it."""
    return str(getattr(sys, "_base_executable", None) or sys.executable)


def remove(folder: Path) -> None:
    """Delete a folder, or the link in its place."""
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)


def host_pip_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Read the host's pip configuration: later files override earlier ones, as pip itself has it."""
    home = Path(environ.get("HOME", "/"))
    user = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    files = [Path("/etc/pip.conf"), home / ".pip" / "pip.conf", user / "pip" / "pip.conf"]
    if environ.get("PIP_CONFIG_FILE"):
        files.append(Path(environ["PIP_CONFIG_FILE"]))
    settings: dict[str, str] = {}
    for file in files:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            settings |= parse_pip_configuration(file.read_text(encoding="utf-8"))
    return settings


def uv_environment(environ: Mapping[str, str], settings: Mapping[str, str], system_bundle: Path) -> dict[str, str]:
    """Give uv the host's package sources and certificates, which it does not read from pip's configuration."""
    given: dict[str, str] = {}
    for name, (variable, separator) in UV_SETTINGS.items():
        words = (environ.get("PIP_" + name.upper().replace("-", "_")) or settings.get(name, "")).split()
        if words:
            given[variable] = separator.join(words)
    if environ.get("UV_INDEX_URL"):
        given.pop("UV_DEFAULT_INDEX", None)
    if "UV_INDEX" in given:
        # As pip does: any source may have the file whose hash is locked.
        given["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    bundle = environ.get("PIP_CERT") or settings.get("cert")
    if bundle or system_bundle.is_file():
        given["SSL_CERT_FILE"] = bundle or str(system_bundle)
    return {**given, **environ}


def pip_environment(environ: Mapping[str, str], settings: Mapping[str, str], system_bundle: Path) -> dict[str, str]:
    """Let pip trust what the host trusts: older pips know only their own bundle."""
    chosen = any(environ.get(name) for name in ("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"))
    if chosen or "cert" in settings or not system_bundle.is_file():
        return dict(environ)
    return {**environ, "PIP_CERT": str(system_bundle)}


def engine_gaps() -> tuple[str, ...]:
    """Name what the stack needs of Docker and does not find: nothing, if it is all there."""
    if shutil.which("docker") is None:
        return ("client", "engine", "compose", "buildx")
    compose = ask_docker("compose", "version", "--short")
    gaps = {
        "engine": ask_docker("version", "--format", "{{.Server.Version}}") is None,
        "compose": compose is None or parse_version(compose) < OLDEST_COMPOSE,
        "buildx": ask_docker("buildx", "version") is None,
    }
    return tuple(name for name, missing in gaps.items() if missing)


def ask_docker(*arguments: str) -> str | None:
    """Return what `docker ...` prints, or None if it fails or does not answer."""
    try:
        answer = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False, timeout=15)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout if answer.returncode == 0 else None


@contextlib.contextmanager
def packages_installed_meanwhile(request: Request, checkout: Checkout) -> Iterator[None]:
    """Install the distribution's packages at the same time as the block, in a process of its own.

    It says nothing, and may fail: what is missing then is installed afterwards, which tells why it can't be.
    """
    machine = Machine.observed()
    waits = request.with_docker and machine.can_install and not environment_is_current(checkout)
    if not waits or not (engine_gaps() or gpg_can_be_installed(machine)):
        yield
        return
    log = Log(checkout.log_file.with_name("bootstrap-packages.log"))
    say(f"installing packages of {machine.name} meanwhile (see {log.path})")
    # Until the child has its own way to end, it can't be told to.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        install_packages_silently(machine, log)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    try:
        yield
    except BaseException:
        os.kill(child, signal.SIGTERM)
        os.waitpid(child, 0)
        raise
    wait_for_child(child, log)


def install_packages_silently(machine: Machine, log: Log) -> NoReturn:
    """Install what the engine and backups of secrets lack, and end this process."""
    with log.path.open("ab") as stream:
        os.dup2(stream.fileno(), sys.stdout.fileno())
        os.dup2(stream.fileno(), sys.stderr.fileno())
    with contextlib.suppress(BaseException):
        install_missing(machine, log)
        ensure_gpg(machine, log)
    os._exit(0)


def wait_for_child(child: int, log: Log) -> None:
    """Wait for the end of the process that installs packages, saying what it does."""
    for seconds in itertools.count():
        if os.waitpid(child, os.WNOHANG)[0]:
            return
        tell_progress(f"  {seconds} s: {tail(log.path, lines=1).strip()[:70]}", seconds)
        time.sleep(1)


def ensure_engine(machine: Machine, log: Log) -> None:
    """Install and start what is missing of the engine, its client, Compose and buildx."""
    if not engine_gaps():
        return
    install_missing(machine, log)
    if "engine" in engine_gaps():
        start_engine(machine, log)
    left = engine_gaps()
    if left:
        raise Stop(f"Docker still lacks {' and '.join(left)} after the installation: see {log.path}.")


def install_missing(machine: Machine, log: Log) -> None:
    """Install what is missing of the engine, its client, Compose and buildx."""
    gaps = engine_gaps()
    if "engine" in gaps:
        refuse_to_replace_another_engine()
    uninstalled = tuple(gap for gap in gaps if gap != "engine" or find_daemon() is None)
    if uninstalled:
        install_engine(machine, log, uninstalled)


def refuse_to_replace_another_engine() -> None:
    """Stop if an engine is configured that only somebody else can bring back."""
    host = os.environ.get("DOCKER_HOST")
    if host:
        raise Stop(f"no Docker engine answers at DOCKER_HOST={host}: start it, or unset DOCKER_HOST.", 3)
    if DOCKER_SOCKET.exists() and not os.access(DOCKER_SOCKET, os.R_OK | os.W_OK):
        hint = "add yourself to its group with `sudo usermod -aG docker $USER` and log in again."
        raise Stop(f"you may not use the Docker engine at {DOCKER_SOCKET}: {hint}", 3)


def install_engine(machine: Machine, log: Log, gaps: Sequence[str]) -> None:
    """Install the distribution's engine packages, or say what somebody else has to install."""
    if not machine.can_install:
        raise Stop(installation_advice(machine, gaps), 3)
    origin = f"Debian {machine.newer_release}" if machine.newer_release else machine.name
    say(f"installing Docker ({', '.join(gaps)}) from the packages of {origin}")
    if machine.newer_release:
        add_newer_release(machine.codename, machine.newer_release)
    apt_install(machine.packages(gaps), log)


def gpg_can_be_installed(machine: Machine) -> bool:
    """Say whether GnuPG is missing and may be installed."""
    return shutil.which("gpg") is None and machine.can_install


def ensure_gpg(machine: Machine, log: Log) -> None:
    """Install GnuPG, which backups of secrets and their tests call; a stack does without."""
    if not gpg_can_be_installed(machine):
        return
    say("installing GnuPG, for backups of secrets")
    try:
        apt_install(("gnupg",), log)
    except CommandFailed as failed:
        say(f"going on without GnuPG: {failed.message}")


def installation_advice(machine: Machine, gaps: Sequence[str]) -> str:
    """Return what lacks and the commands that would bring it."""
    lacks = f"Docker is not complete here (missing: {', '.join(gaps)})"
    if machine.has_apt:
        command = shlex.join(("sudo", "python3", *sys.argv[:1], "--with-docker", "docker", "version"))
        return f"{lacks}, and installing it needs root. Run:\n  {command}\n  sudo usermod -aG docker $USER"
    return (
        f"{lacks}, and {machine.name} is neither Debian nor Ubuntu. Install with its own packages:\n"
        "  the Docker engine and client, Docker Compose 2.20 or newer, Docker buildx\n"
        "then start the engine and run this again."
    )


def start_engine(machine: Machine, log: Log) -> None:
    """Start the daemon, through the init system if there is one, and wait until it answers."""
    if not machine.is_root:
        raise Stop("the Docker engine is not running. As root: systemctl start docker (or: dockerd)", 3)
    if machine.has_systemd:
        say("starting the Docker engine")
        log.run(("systemctl", "start", "docker"))
        return wait_for_engine(lambda: False, log.path)
    if runs(ENGINE_PID_FILE, "dockerd"):
        say("a Docker engine is starting already")
        return wait_for_engine(lambda: not runs(ENGINE_PID_FILE, "dockerd"), log.path)
    clear_leftovers()
    output = log.path.with_name("dockerd.log")
    daemon = start_daemon(output)
    say(f"starting the Docker engine (no init system runs here; its log is {output})")
    return wait_for_engine(lambda: daemon.poll() is not None and not runs(ENGINE_PID_FILE, "dockerd"), output)


def find_daemon() -> str | None:
    """Return the daemon's program; root's path may lack the folder that it is in."""
    return shutil.which("dockerd", path=os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin")))


def start_daemon(output: Path) -> subprocess.Popen[bytes]:
    """Start dockerd in a session of its own, so that neither Ctrl-C nor the end of a CI job reaches or waits for it."""
    program = find_daemon()
    if program is None:
        raise Stop("the Docker engine is not installed: there is no dockerd.", 3)
    environ = {name: value for name, value in os.environ.items() if DAEMON_ENVIRONMENT.fullmatch(name)}
    path = os.pathsep.join((environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
    with output.open("ab") as stream:
        return subprocess.Popen(
            [program],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            cwd="/",
            env={**environ, "PATH": path},
            start_new_session=True,
        )


def wait_for_engine(has_failed: Callable[[], bool], output: Path) -> None:
    """Wait until the engine answers, saying so each second; stop early when it can't any more."""
    started = time.monotonic()
    while ask_docker("version", "--format", "{{.Server.Version}}") is None:
        waited = time.monotonic() - started
        if has_failed() or waited > ENGINE_TIMEOUT:
            raise Stop(f"the Docker engine did not start within {waited:.0f} s. From {output}:\n{tail(output)}")
        say(f"waiting for the Docker engine ({waited:.0f} s)")
        time.sleep(1)


def clear_leftovers() -> None:
    """Remove what a killed daemon leaves and a new one stumbles over: pids that are now another's, dead sockets."""
    for pid_file, program in ((ENGINE_PID_FILE, "dockerd"), (CONTAINERD_PID_FILE, "containerd")):
        if pid_file.exists() and not runs(pid_file, program):
            say(f"removing {pid_file}, left by a {program} that is gone")
            pid_file.unlink(missing_ok=True)
    if CONTAINERD_SOCKET.exists() and not answers(CONTAINERD_SOCKET):
        say(f"removing {CONTAINERD_SOCKET}: nothing listens there")
        CONTAINERD_SOCKET.unlink(missing_ok=True)


def runs(pid_file: Path, program: str) -> bool:
    """Say whether the pid in the file belongs to a live process of that program."""
    try:
        pid = int(pid_file.read_text(encoding="ascii").strip())
        return parse_process_stat(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")) == program
    except (OSError, ValueError):
        return False


def answers(path: Path) -> bool:
    """Say whether something listens on the Unix socket."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(2)
        return client.connect_ex(str(path)) == 0


def apt_install(packages: Sequence[str], log: Log) -> None:
    """Install packages without questions, mending first what an interrupted installation left."""
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    apt = ("apt-get", "-q", "-y", "-o", f"DPkg::Lock::Timeout={APT_LOCK_TIMEOUT}", "-o", "Dpkg::Use-Pty=0")
    keep_configuration = ("-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold")
    wait_for_package_lists()
    try:
        log.run((*apt, "update"), environ=environ)
    except CommandFailed as stop:
        say(f"going on with the package lists that could be had: {stop.message}")
    if dpkg_was_interrupted():
        say("finishing an interrupted installation first")
        # It fails where a package waits for one that was not unpacked; --fix-broken below brings that one.
        with contextlib.suppress(CommandFailed):
            log.run(("dpkg", "--configure", "-a", "--force-confdef", "--force-confold"), environ=environ)
    log.run(
        (*apt, *keep_configuration, "--fix-broken", "install", "--no-install-recommends", *packages), environ=environ
    )


def dpkg_was_interrupted() -> bool:
    """Say whether dpkg has unfinished business, which it wants finished before anything else."""
    if any(Path("/var/lib/dpkg/updates").glob("[0-9]*")):
        return True
    audit = subprocess.run(["dpkg", "--audit"], capture_output=True, check=False)
    return bool(audit.stdout.strip())


def wait_for_package_lists() -> None:
    """Wait while another apt refreshes the lists: unlike dpkg's lock, `apt-get update` does not wait for this one."""
    with contextlib.suppress(FileNotFoundError), Path("/var/lib/apt/lists/lock").open("rb+") as lock:
        for seconds in range(APT_LOCK_TIMEOUT):
            try:
                fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                tell_progress(f"waiting for another apt ({seconds} s)", seconds)
                time.sleep(1)
            else:
                return


def add_newer_release(codename: str, newer: str) -> None:
    """Make the next release's packages installable by name, at a priority that changes no other package."""
    sources = apt_sources().read_sources()
    folder = Path("/etc/apt")
    if not any(newer in source.suites for source in sources):
        archive = debian_archive(sources, codename)
        if archive is None:
            raise Stop(f"apt's sources name no Debian archive with {codename}: add one to {folder}/sources.list.d.", 3)
        # The pin comes first: were this interrupted in between, an unpinned release would upgrade the whole machine.
        pin = f"Package: *\nPin: release n={newer}\nPin-Priority: 100\n"
        write_system_file(folder / "preferences.d" / f"optimus-{newer}", pin)
        write_system_file(folder / "sources.list.d" / f"optimus-{newer}.sources", archive.stanza(newer))


def write_system_file(path: Path, text: str) -> None:
    """Write a file of apt's configuration whole or not at all, saying so."""
    say(f"writing {path}")
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.chmod(0o644)
    unfinished.replace(path)


def apt_sources() -> ModuleType:
    """Return the library's reader of apt's sources: it needs nothing but the standard library either."""
    path = Path(__file__).resolve().parents[1] / "src" / "optimus_ops" / "images" / "apt_sources.py"
    spec = importlib.util.spec_from_file_location("optimus_apt_sources", path)
    if spec is None or spec.loader is None:
        raise Stop(f"{path} can't be loaded: is the checkout whole?")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def parse_os_release(text: str) -> dict[str, str]:
    """Parse os-release(5): NAME=value lines, quoted as in a shell."""
    values = {}
    for line in text.splitlines():
        name, equals, quoted = line.strip().partition("=")
        if not equals or name.startswith("#"):
            continue
        try:
            words = shlex.split(quoted)
        except ValueError:
            words = [quoted]
        values[name] = words[0] if words else ""
    return values


def debian_archive(sources: Sequence[Any], codename: str) -> Any:
    """Choose the source that is Debian's own archive: other vendors name suites after the release too."""

    def likelihood(source: Any) -> int:
        updates = any(f"{codename}-updates" in other.suites and other.uris == source.uris for other in sources)
        keyring = "debian-archive" in source.signed_by
        path = any(uri.rstrip("/").endswith("/debian") for uri in source.uris)
        return 4 * keyring + 2 * updates + path

    candidates = [
        source for source in sources if source.uris and codename in source.suites and "main" in source.components
    ]
    return max(candidates, key=likelihood, default=None)


def parse_version(text: str) -> tuple[int, ...]:
    """Return the leading numbers of a version such as `v2.26.1-4`; () if there are none."""
    match = re.match(r"v?(\d+(?:\.\d+)*)", text.strip())
    return tuple(int(part) for part in match[1].split(".")) if match else ()


def parse_process_stat(text: str) -> str | None:
    """Return the program's name from /proc/PID/stat, or None if the process is dead but not yet reaped (proc(5))."""
    name, _, rest = text.partition("(")[2].rpartition(")")
    return None if rest.split()[:1] in (["Z"], ["X"], []) else name


def parse_pip_configuration(text: str) -> dict[str, str]:
    """Return the settings that hold for `pip install`, one a name; none if pip itself would refuse the text."""
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return {}
    settings: dict[str, str] = {}
    for section in ("global", "install"):
        if parser.has_section(section):
            settings |= {name.replace("_", "-"): value for name, value in parser.items(section)}
    return settings


@dataclass(frozen=True)
class Log:
    """The file that the output of installers goes to; progress is shown from it, and its end when one fails."""

    path: Path

    def run(
        self, command: Sequence[str | Path], *, environ: Mapping[str, str] | None = None, keep_open: int | None = None
    ) -> None:
        """Run a command to its end.

        Args:
            command: The program and its arguments.
            environ: Its environment; this process's own by default.
            keep_open: A file descriptor the command inherits. The lock is passed on this way to what writes in .venv,
                so that it stays locked while an installer outlives a killed bootstrap.

        Raises:
            CommandFailed: With a message that ends with the end of its output.
        """
        words = [str(word) for word in command]
        with self.path.open("ab") as stream:
            stream.write(f"\n$ {shlex.join(words)}\n".encode())
            stream.flush()
            started = stream.tell()
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=environ,
                pass_fds=() if keep_open is None else (keep_open,),
            )
        code = self._follow(process)
        if code != 0:
            ended = f"{Path(words[0]).name} failed (exit code {code})"
            raise CommandFailed(f"{ended}. The end of {self.path}:\n{tail(self.path, started)}")

    def _follow(self, process: subprocess.Popen[bytes]) -> int:
        seconds = 0
        try:
            while process.poll() is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=1)
                    break
                seconds += 1
                tell_progress(f"  {seconds} s: {tail(self.path, lines=1).strip()[:70]}", seconds)
        except BaseException:
            process.terminate()
            process.wait()
            raise
        forget_progress()
        return process.returncode


@contextlib.contextmanager
def exclusively(path: Path) -> Iterator[int]:
    """Hold the lock file, waiting for another bootstrap to finish; yield its file descriptor."""
    path.parent.mkdir(exist_ok=True)
    with path.open("ab") as file:
        for seconds in itertools.count():
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                tell_progress(f"waiting for another bootstrap of this checkout ({seconds} s)", seconds)
                time.sleep(1)
        forget_progress()
        yield file.fileno()


def tail(path: Path, start: int = 0, lines: int = LOG_TAIL) -> str:
    """Return the last lines of a file, no further back than a position in bytes."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(start, size - 16384))
        return "\n".join(file.read().decode("utf-8", errors="replace").splitlines()[-lines:])
    return ""


def stop_on_signal(number: int, _frame: FrameType | None) -> None:
    """Stop as the shell would report it, after ending the command that runs."""
    raise Stop(f"stopped by {signal.Signals(number).name}; run it again to go on.", 128 + number)


def say(message: str) -> None:
    """Tell the user something, on standard error."""
    forget_progress()
    print(f"bootstrap: {message}", file=sys.stderr, flush=True)


def tell_progress(message: str, seconds: int) -> None:
    """Tell what goes on: a terminal has a line that is redrawn each second, a pipe or a file gets one every ten."""
    if sys.stderr.isatty():
        print(f"\r\033[Kbootstrap: {message}", end="", file=sys.stderr, flush=True)
    elif seconds % 10 == 0:
        say(message)


def forget_progress() -> None:
    """Clear the line that tells what goes on, where there is one."""
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
