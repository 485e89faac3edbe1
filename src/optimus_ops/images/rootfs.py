"""A minimal Debian root file system as an image: what all stand-ins are built on."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from optimus_ops.errors import MissingPrerequisite
from optimus_ops.images.apt_host import DEBIAN_KEYRING
from optimus_ops.images.content_hash import LABEL
from optimus_ops.images.fallback_catalogue import ROOT_IMAGE, SUITE
from optimus_ops.system.process import run

if TYPE_CHECKING:
    from collections.abc import Callable

    from optimus_ops.engine.port import Engine
    from optimus_ops.images.apt_host import AptHost

DEADLINE_SECONDS = 900.0
# Containers show no manual pages and speak C.UTF-8 alone; a build that fails is thrown away and so need not sync.
DPKG_OPTIONS = (
    "force-unsafe-io",
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/doc/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/lintian/*",
)
# Where packages came from is this host's affair, and so are its logs.
TRACES = (
    "etc/apt/sources.list",
    "etc/apt/apt.conf.d/99mmdebstrap",
    "etc/apt/auth.conf",
    "var/log/apt",
    "var/log/dpkg.log",
)
RECIPE = ("3", SUITE, *DPKG_OPTIONS, *TRACES)
INSTALL_COMMAND = ("apt-get", "install", "-qy", "--no-install-recommends", "mmdebstrap", "debian-archive-keyring")


def ensure_tool(report: Callable[[str], None], log: Callable[[str], None]) -> str:
    """Return the tool that makes root file systems; on Debian and Ubuntu root installs it.

    Raises:
        MissingPrerequisite: there is none and it can't be installed.
        CommandFailed: the installation failed.
    """
    found = shutil.which("mmdebstrap") or (os.geteuid() == 0 and shutil.which("debootstrap"))
    if found and Path(DEBIAN_KEYRING).exists():
        return Path(found).name
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise MissingPrerequisite(
            "no image registry answers, and there is no tool to make base images from packages",
            "install one, as root: apt-get install mmdebstrap debian-archive-keyring (Debian, Ubuntu)",
        )
    report("installing mmdebstrap from the distribution's packages")
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    if run(INSTALL_COMMAND, environ=environ, deadline=DEADLINE_SECONDS, on_line=log, check=False).code != 0:
        run(["apt-get", "update", "-q"], environ=environ, deadline=DEADLINE_SECONDS, on_line=log)
        run(INSTALL_COMMAND, environ=environ, deadline=DEADLINE_SECONDS, on_line=log)
    return "mmdebstrap"


def make_root_image(
    engine: Engine, host: AptHost, source: str, report: Callable[[str], None], log: Callable[[str], None]
) -> None:
    """Make `ROOT_IMAGE`; nothing carries its name before it is complete.

    Args:
        engine: the engine.
        host: how packages are reached.
        source: the content hash that the image is labelled with.
        report: told what is under way.
        log: given every line that the tools say.

    Raises:
        MissingPrerequisite: there is no tool for it.
        CommandFailed: a tool failed.
    """
    tool = ensure_tool(report, log)
    with tempfile.TemporaryDirectory(prefix="optimus-rootfs-") as folder:
        archive = Path(folder) / "root.tar"
        if tool == "mmdebstrap":
            _mmdebstrap(host, archive, report, log)
        else:
            _debootstrap(host, archive, report, log)
        report("importing the root file system")
        changes = (f"LABEL {LABEL}={source}", "ENV LANG=C.UTF-8", 'CMD ["/bin/sh"]')
        engine.import_image(archive, ROOT_IMAGE, changes, seconds=DEADLINE_SECONDS, on_line=log)


def mmdebstrap_argv(host: AptHost, sources: Path, archive: Path, keyring: Path | None) -> tuple[str, ...]:
    """Return the command that makes the root file system.

    Args:
        engine: the engine.
        host: how packages are reached.
        sources: a file with the package sources.
        archive: the tar file to write.
        keyring: keys of a mirror of one's own; None leaves it to the host's trusted keys.
    """
    remove = " ".join(f'"$1/{trace}"' for trace in TRACES)
    return (
        "mmdebstrap",
        "--variant=minbase",
        *(f"--dpkgopt={option}" for option in DPKG_OPTIONS),
        '--aptopt=Acquire::Languages "none"',
        '--aptopt=APT::Sandbox::User "root"',
        *(f"--aptopt={option}" for option in host.options),
        *([f"--keyring={keyring}"] if keyring is not None else []),
        f'--customize-hook=rm -rf {remove} "$1"/etc/apt/sources.list.d/*',
        SUITE,
        str(archive),
        str(sources),
    )


def _mmdebstrap(host: AptHost, archive: Path, report: Callable[[str], None], log: Callable[[str], None]) -> None:
    sources, keys, auth = (archive.with_name(name) for name in ("sources.list", "keyring.gpg", "auth.conf"))
    auth.touch(mode=0o600)
    auth.write_text(host.auth, "utf-8")
    if host.keys:
        keys.write_bytes(host.keys)
    sources.write_text(host.mirror.lines(SUITE), "utf-8")
    # A host that is no Debian does not trust Debian's keys by itself.
    foreign = None if host.mirror.signed_by else Path(DEBIAN_KEYRING)
    argv = list(mmdebstrap_argv(host, sources, archive, keys if host.keys else foreign))
    if host.auth:
        argv.insert(-3, f'--aptopt=Dir::Etc::netrc "{auth}"')

    def on_line(line: str) -> None:
        log(line)
        if line.startswith("I: ") and not line.startswith("I: success"):
            report(f"Debian {SUITE}: {line[3:].rstrip('.').partition(' /')[0]}")

    run(argv, deadline=DEADLINE_SECONDS, on_line=on_line)


def _debootstrap(host: AptHost, archive: Path, report: Callable[[str], None], log: Callable[[str], None]) -> None:
    tree = archive.with_name("tree")
    keys = archive.with_name("keyring.gpg")
    if host.keys:
        keys.write_bytes(host.keys)
    keyring = [f"--keyring={keys if host.keys else DEBIAN_KEYRING}"]
    report(f"Debian {SUITE}: debootstrap")
    # Mounts of its own end with it, however it ends: the tree can be removed without reaching into the host's /proc.
    # What it says goes to standard error, where progress is read.
    wrapper = ("unshare", "--mount", "sh", "-c", 'exec "$@" 1>&2', "sh")
    run(
        [*wrapper, "debootstrap", "--variant=minbase", *keyring, SUITE, str(tree), host.mirror.archive],
        deadline=DEADLINE_SECONDS,
        on_line=log,
    )
    for trace in (
        *TRACES,
        "var/log/bootstrap.log",
        "var/cache/apt",
        "var/lib/apt/lists",
        "usr/share/man",
        "usr/share/doc",
    ):
        path = tree / trace
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    (tree / "etc/dpkg/dpkg.cfg.d/99optimus").write_text("\n".join([*DPKG_OPTIONS, ""]), "utf-8")
    run(["tar", "-C", str(tree), "--numeric-owner", "-cf", str(archive), "."], deadline=DEADLINE_SECONDS, on_line=log)
