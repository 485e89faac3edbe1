"""The host's APT configuration, read once, as what a build needs of it: five small texts that reach it as secrets."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from optimus_ops.errors import MissingPrerequisite
from optimus_ops.images import keyring
from optimus_ops.images.apt_sources import Mirror, beside_archive, debian_mirror, read_sources
from optimus_ops.images.fallback_catalogue import NEWER_SUITE, SUITE
from optimus_ops.system.process import run

IN_BUILD = Path("/run/secrets")
# Options about reaching a mirror; all others are the host's own affair.
KEPT_OPTIONS = re.compile(
    r"Acquire::(?:https?::(?:[^\s:]+::)?(?:Proxy|Verify-Peer|Verify-Host|Timeout)|Check-Valid-Until|Check-Date|Retries)\s"
)
DEBIAN_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


@dataclass(frozen=True, slots=True)
class AptHost:
    """How this host reaches packages: the mirror, lines of apt.conf and of auth.conf (credentials).

    `keys` sign a mirror of one's own; they are empty where it is Debian's.
    """

    mirror: Mirror
    options: tuple[str, ...]
    auth: str
    keys: bytes

    def secrets(self, *, newer: bool) -> dict[str, bytes]:
        """Return the build secrets: name -> content."""
        signed_by = f"{IN_BUILD / 'apt_keyring.gpg'},{DEBIAN_KEYRING}" if self.keys else ""
        return {
            "apt_conf": build_options(self.options).encode(),
            "apt_sources": self.mirror.lines(SUITE, NEWER_SUITE if newer else None, signed_by).encode(),
            "apt_auth": self.auth.encode(),
            "apt_keyring": self.keys,
        }


def build_options(options: Iterable[str]) -> str:
    """Return the apt.conf of a build: sources and credentials from secrets alone, and the host's way to its mirror."""
    own = (
        f'Dir::Etc::SourceList "{IN_BUILD / "apt_sources"}";',
        'Dir::Etc::SourceParts "/dev/null";',
        f'Dir::Etc::netrc "{IN_BUILD / "apt_auth"}";',
        'Dir::Etc::netrcparts "/dev/null";',
        f'Acquire::https::CaInfo "{IN_BUILD / "ca_bundle"}";',
        # The unprivileged user of downloads may not read secrets.
        'APT::Sandbox::User "root";',
        'APT::Install-Recommends "false";',
        f'APT::Default-Release "n={SUITE}";',
        'Acquire::Languages "none";',
    )
    return "\n".join((*own, *options, ""))


def kept_options(dump: str) -> tuple[str, ...]:
    """Return the options that concern a build from what `apt-config dump` printed."""
    return tuple(line for line in dump.splitlines() if KEPT_OPTIONS.match(line) and not line.endswith('"";'))


def read_apt_host(folder: Path = Path("/etc/apt"), named: str = "") -> AptHost:
    """Read the host's configuration; a mirror that the operator names (`OPTIMUS_DEBIAN_MIRROR`) wins."""
    archive = named.rstrip("/")
    mirror = Mirror(archive, beside_archive(archive)) if archive else debian_mirror(read_sources(folder))
    if mirror is None:
        raise MissingPrerequisite(
            "this host's APT configuration names no mirror of Debian, from which fallback images are made",
            "name one: OPTIMUS_DEBIAN_MIRROR=http://HOST/debian invoke images.bases",
        )
    dump = run(["apt-config", "dump"], deadline=10, check=False).stdout if shutil.which("apt-config") else ""
    own_keys = mirror.signed_by and not mirror.signed_by.startswith("/usr/share/keyrings/debian-archive-")
    credentials = [folder / "auth.conf", *sorted(folder.glob("auth.conf.d/*.conf"))]
    return AptHost(
        mirror=mirror,
        options=kept_options(dump),
        auth="".join(path.read_text("utf-8", "replace") for path in credentials if path.is_file()),
        keys=keyring.load(mirror.signed_by) if own_keys else b"",
    )
