"""A minimal Debian root file system as an image, made by mmdebstrap: what all fallback images are built on."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from optimus_ops.engine.port import Engine
from optimus_ops.errors import MissingPrerequisite
from optimus_ops.images.apt_host import DEBIAN_KEYRING, AptHost
from optimus_ops.images.build_log import Log
from optimus_ops.images.content_hash import LABEL
from optimus_ops.images.fallback_catalogue import ROOT_IMAGE, SUITE
from optimus_ops.system.process import run

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


def ensure_mmdebstrap(log: Log) -> None:
    """Install mmdebstrap and Debian's keys where they are missing: on Debian and Ubuntu, as root."""
    if shutil.which("mmdebstrap") and Path(DEBIAN_KEYRING).exists():
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise MissingPrerequisite(
            "no image registry answers, and there is no tool to make base images from packages",
            "install one, as root: apt-get install mmdebstrap debian-archive-keyring (Debian, Ubuntu)",
        )
    log.report("installing mmdebstrap from the distribution's packages")
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    if run(INSTALL_COMMAND, environ=environ, deadline=DEADLINE_SECONDS, on_line=log.line, check=False).code != 0:
        run(["apt-get", "update", "-q"], environ=environ, deadline=DEADLINE_SECONDS, on_line=log.line)
        run(INSTALL_COMMAND, environ=environ, deadline=DEADLINE_SECONDS, on_line=log.line)


def make_root_image(engine: Engine, host: AptHost, source: str, log: Log) -> None:
    """Make `ROOT_IMAGE`, labelled with the content hash `source`; nothing carries its name before it is complete."""
    ensure_mmdebstrap(log)
    with tempfile.TemporaryDirectory(prefix="optimus-rootfs-") as folder:
        archive = Path(folder) / "root.tar"
        run(_written(host, archive), deadline=DEADLINE_SECONDS, on_line=log.summarized(_under_way))
        log.report("importing the root file system")
        changes = (f"LABEL {LABEL}={source}", "ENV LANG=C.UTF-8", 'CMD ["/bin/sh"]')
        engine.import_image(archive, ROOT_IMAGE, changes, seconds=DEADLINE_SECONDS, on_line=log.line)


def mmdebstrap_argv(
    host: AptHost, sources: Path, archive: Path, keyring: Path | None, auth: Path | None = None
) -> tuple[str, ...]:
    """Return the command that makes the root file system; without `keyring` the host's trusted keys count."""
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
        *([f'--aptopt=Dir::Etc::netrc "{auth}"'] if auth is not None else []),
        SUITE,
        str(archive),
        str(sources),
    )


def _written(host: AptHost, archive: Path) -> tuple[str, ...]:
    """Write what mmdebstrap reads beside the archive, and return its command."""
    sources, keys, auth = (archive.with_name(name) for name in ("sources.list", "keyring.gpg", "auth.conf"))
    auth.touch(mode=0o600)
    auth.write_text(host.auth, "utf-8")
    keys.write_bytes(host.keys)
    sources.write_text(host.mirror.lines(SUITE), "utf-8")
    # A host that is no Debian does not trust Debian's keys by itself.
    foreign = None if host.mirror.signed_by else Path(DEBIAN_KEYRING)
    return mmdebstrap_argv(host, sources, archive, keys if host.keys else foreign, auth if host.auth else None)


def _under_way(line: str) -> str | None:
    if not line.startswith("I: ") or line.startswith("I: success"):
        return None
    return f"Debian {SUITE}: {line[3:].rstrip('.').partition(' /')[0]}"
