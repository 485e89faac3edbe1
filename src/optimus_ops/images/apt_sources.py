"""The host's APT sources as values: the one-line format and deb822 (sources.list(5))."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DEBIAN_SUITES = re.compile(
    r"(bullseye|bookworm|trixie|forky|duke|sid|oldoldstable|oldstable|stable|testing|unstable)"
    r"(-updates|-security|-proposed-updates|-backports)?/?|[a-z]+/updates"
)


@dataclass(frozen=True, slots=True)
class Source:
    """One archive that packages come from.

    Args:
        uris: addresses, as they are written.
        suites: names of the releases, such as `bookworm-updates`.
        components: such as `main`.
        signed_by: paths of keyrings, or an armoured key itself; "" leaves it to APT's defaults.
    """

    uris: tuple[str, ...]
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str = ""


@dataclass(frozen=True, slots=True)
class Mirror:
    """A mirror of Debian.

    Args:
        archive: address of the archive.
        security: address of the security archive; "" if none is known.
        signed_by: the host's keyring for it; "" if the host names none.
    """

    archive: str
    security: str = ""
    signed_by: str = ""

    def lines(self, suite: str, newer: str | None = None, keyring: str = "") -> str:
        """Return the sources for a release in the one-line format.

        Args:
            suite: the release.
            newer: a release that a few packages are taken from besides; its Release file may have expired, since
                mirrors of the testing release are not always fresh.
            keyring: path of the keyring that signs them; "" leaves it to APT.
        """
        signed = f"signed-by={keyring}" if keyring else ""
        rows = [(signed, self.archive, suite), (signed, self.archive, f"{suite}-updates")]
        if self.security:
            rows.append((signed, self.security, f"{suite}-security"))
        if newer is not None:
            rows.append((f"{signed} check-valid-until=no".strip(), self.archive, newer))
        return "".join(f"deb {f'[{options}] ' if options else ''}{uri} {name} main\n" for options, uri, name in rows)


def parse_one_line(text: str) -> tuple[Source, ...]:
    """Return the enabled binary sources of a `.list` file; lines that are none are left out."""
    return tuple(source for line in text.splitlines() for source in _one_line(line))


def parse_deb822(text: str) -> tuple[Source, ...]:
    """Return the enabled binary sources of a `.sources` file; stanzas that are none are left out."""
    return tuple(source for stanza in _stanzas(text) for source in _deb822(stanza))


def debian_mirror(sources: Iterable[Source]) -> Mirror | None:
    """Return the mirror of Debian that a host uses; None where it names none (as on Ubuntu)."""
    debian = [s for s in sources if "main" in s.components and all(DEBIAN_SUITES.fullmatch(n) for n in s.suites)]
    usable = [source for source in debian if source.uris and _is_network(source.uris[0])]
    security = [source for source in usable if any(_is_security(name) for name in source.suites)]
    archives = [source for source in usable if not any(_is_security(name) for name in source.suites)]
    if not archives:
        return None
    archive = archives[0].uris[0].rstrip("/")
    beside = beside_archive(archive)
    return Mirror(archive, security[0].uris[0].rstrip("/") if security else beside, archives[0].signed_by)


def beside_archive(archive: str) -> str:
    """Return where the security archive usually is, from the archive's address; "" if that can't be told."""
    return f"{archive}-security" if archive.endswith("/debian") else ""


def _is_security(suite: str) -> bool:
    return suite.rstrip("/").endswith(("-security", "/updates"))


def _is_network(uri: str) -> bool:
    return uri.startswith(("http://", "https://"))


def _one_line(line: str) -> Iterator[Source]:
    match = re.fullmatch(r"\s*deb\s+(?:\[([^]]*)\]\s*)?(\S+)\s+(\S+)((?:\s+\S+)*)\s*", line.partition("#")[0])
    if match is None:
        return
    options = dict(word.partition("=")[::2] for word in shlex.split(match[1] or "", posix=False))
    yield Source((match[2],), (match[3],), tuple(match[4].split()), options.get("signed-by", ""))


def _stanzas(text: str) -> Iterator[dict[str, str]]:
    fields: dict[str, str] = {}
    name = ""
    for line in [*text.splitlines(), ""]:
        if line.startswith("#"):
            continue
        if not line.strip():
            if fields:
                yield fields
            fields, name = {}, ""
        elif line[0] in " \t" and name:
            fields[name] += "\n" + line.strip()
        else:
            key, separator, value = line.partition(":")
            if separator:
                name = key.strip().lower()
                fields[name] = value.strip()


def _deb822(fields: dict[str, str]) -> Iterator[Source]:
    enabled = fields.get("enabled", "yes").lower() not in {"no", "false", "without", "off", "disable", "0"}
    if not enabled or "deb" not in fields.get("types", "").split():
        return
    uris, suites = tuple(fields.get("uris", "").split()), tuple(fields.get("suites", "").split())
    if uris and suites:
        yield Source(uris, suites, tuple(fields.get("components", "").split()), _key(fields.get("signed-by", "")))


def _key(value: str) -> str:
    """In deb822 a blank line inside a key is written as a single dot."""
    return "\n".join("" if line == "." else line for line in value.strip().splitlines())
