"""APT's sources as values: the one-line format and deb822 (sources.list(5)).

`scripts/bootstrap.py` loads this file before anything is installed: it imports the standard library alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

DEBIAN_SUITES = re.compile(
    r"(bullseye|bookworm|trixie|forky|duke|sid|oldoldstable|oldstable|stable|testing|unstable)"
    r"(-updates|-security|-proposed-updates|-backports)?/?|[a-z]+/updates"
)
ONE_LINE = re.compile(r"deb\s+(?:\[(?P<options>[^]]*)\]\s*)?(?P<uri>\S+)\s+(?P<suite>\S+)(?P<components>(?:\s+\S+)*)")
DEB822_NAMES = {"arch": "Architectures", "lang": "Languages", "target": "Targets"}
DISABLED = frozenset({"no", "false", "without", "off", "disable", "0"})


@dataclass(frozen=True, slots=True)
class Source:
    """An archive that packages come from; `options` are its further fields, by their names in deb822."""

    uris: tuple[str, ...]
    suites: tuple[str, ...]
    components: tuple[str, ...]
    options: tuple[tuple[str, str], ...] = ()

    @property
    def signed_by(self) -> str:
        """Paths of keyrings, or an armoured key itself; "" leaves it to APT's defaults."""
        lines = [line.strip() for line in dict(self.options).get("Signed-By", "").strip().splitlines()]
        # In deb822 a blank line inside a key is written as a single dot.
        return "\n".join("" if line == "." else line for line in lines)

    def stanza(self, suite: str) -> str:
        """Return a deb822 stanza for another suite of the same archive (main only)."""
        own = {"Types": "deb", "URIs": " ".join(self.uris), "Suites": suite, "Components": "main"}
        return "".join(f"{name}: {value}\n" for name, value in {**own, **dict(self.options)}.items())


@dataclass(frozen=True, slots=True)
class Mirror:
    """A mirror of Debian: addresses of the archive and of the security archive, and the keyring that signs it."""

    archive: str
    security: str = ""
    signed_by: str = ""

    def lines(self, suite: str, newer: str | None = None, keyring: str = "") -> str:
        """Return the sources for a release in the one-line format.

        The Release file of `newer`, a release that a few packages are taken from besides, may have expired: mirrors of
        the testing release are not always fresh.
        """
        signed = f"signed-by={keyring}" if keyring else ""
        rows = [(signed, self.archive, suite), (signed, self.archive, f"{suite}-updates")]
        if self.security:
            rows.append((signed, self.security, f"{suite}-security"))
        if newer is not None:
            rows.append((f"{signed} check-valid-until=no".strip(), self.archive, newer))
        return "".join(f"deb {f'[{options}] ' if options else ''}{uri} {name} main\n" for options, uri, name in rows)


def read_sources(folder: Path = Path("/etc/apt")) -> tuple[Source, ...]:
    """Return the host's own sources, in both formats."""

    def texts(paths: Iterable[Path]) -> Iterator[str]:
        return (path.read_text("utf-8", "replace") for path in paths if path.is_file())

    parts = folder / "sources.list.d"
    lists = texts([folder / "sources.list", *sorted(parts.glob("*.list"))])
    stanzas = texts(sorted(parts.glob("*.sources")))
    return (
        *(source for text in lists for source in parse_one_line(text)),
        *(source for text in stanzas for source in parse_deb822(text)),
    )


def parse_one_line(text: str) -> tuple[Source, ...]:
    """Return the enabled binary sources of a `.list` file; lines that are none are left out."""
    found = (ONE_LINE.fullmatch(line.partition("#")[0].strip()) for line in text.splitlines())
    return tuple(
        Source(
            (match["uri"],), (match["suite"],), tuple(match["components"].split()), tuple(_options(match["options"]))
        )
        for match in found
        if match is not None
    )


def _options(text: str | None) -> Iterator[tuple[str, str]]:
    """Yield options under their names in deb822; additive ones (`arch+=`) are left out."""
    for word in (text or "").split():
        name, equals, value = word.partition("=")
        if equals and not name.endswith(("+", "-")):
            yield DEB822_NAMES.get(name.lower(), name.title()), value.replace(",", " ")


def parse_deb822(text: str) -> tuple[Source, ...]:
    """Return the enabled binary sources of a `.sources` file; stanzas that are none are left out."""
    sources = []
    for fields in _stanzas(text):
        types, enabled = fields.pop("Types", "").split(), fields.pop("Enabled", "yes").lower() not in DISABLED
        uris, suites, components = (tuple(fields.pop(name, "").split()) for name in ("Uris", "Suites", "Components"))
        if enabled and "deb" in types and uris and suites:
            sources.append(Source(uris, suites, components, tuple(fields.items())))
    return tuple(sources)


def _stanzas(text: str) -> Iterator[dict[str, str]]:
    """Yield each stanza as field -> value; names in title case, since case does not count."""
    fields: dict[str, str] = {}
    name = ""
    for line in [*text.splitlines(), ""]:
        if line.startswith("#"):
            continue
        if not line.strip():
            if fields:
                yield fields
            fields, name = {}, ""
        elif line[0] not in " \t":
            key, separator, value = line.partition(":")
            if separator:
                name = key.strip().title()
                fields[name] = value.strip()
        elif name:
            fields[name] += f"\n{line}"


def debian_mirror(sources: Iterable[Source]) -> Mirror | None:
    """Return the mirror of Debian that a host uses; None where it names none (as on Ubuntu)."""
    debian = [s for s in sources if "main" in s.components and all(DEBIAN_SUITES.fullmatch(n) for n in s.suites)]
    usable = [source for source in debian if source.uris[0].startswith(("http://", "https://"))]
    security = [source for source in usable if any(_is_security(name) for name in source.suites)]
    archives = [source for source in usable if source not in security]
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
