"""Checks of what is in an image's layers: no compiler, no cache of packages, no secret."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from optimus_ops.checks.model import Check
from optimus_ops.images.image_archive import LayerFile

SHOWN = 5
LEAST_SECRET = 12
"""Characters of a value that is looked for: a shorter one may well be an ordinary word."""

BINARIES = r"(?:usr/|usr/local/|opt/[^/]+/)?s?bin/"
COMPILERS = re.compile(
    rf"{BINARIES}(?:[a-z0-9_]+-linux-[a-z]+-)?(?:gcc|g\+\+|cc|c\+\+|cpp|clang|clang\+\+|ld|as|make|cargo|rustc|go)(?:-?[0-9.]+)?"
)
CACHES = re.compile(
    r"(?:root|home/[^/]+)/\.cache/.+|var/cache/apt/(?:archives/.+\.deb|[^/]+\.bin)|var/cache/apk/.+"
    r"|var/lib/apt/lists/.+_(?:Packages|Sources|Release)[^/]*|(?:var/)?tmp/.+"
)
SECRET_FILES = re.compile(
    r"(?:.*/)?(?:\.env(?:\.[^/]+)?|\.netrc|\.pypirc|\.npmrc|\.git-credentials|pip\.conf|id_(?:rsa|dsa|ecdsa|ed25519))"
    r"|(?:.*/)?(?:\.docker/config\.json|\.aws/credentials|\.git/config)|run/secrets/.+"
)
HINTS = {
    "compilers": "install them in the builder stage only",
    "caches": "let them be written in the builder stage or a cache mount (RUN --mount=type=cache)",
    "secret files": "give them to the build as secrets (RUN --mount=type=secret), and name them in .dockerignore",
    "secret values": "replace these secrets, rebuild without them, and remove the image from registries",
}


def content_checks(
    subject: str, configuration: str, files: Iterable[LayerFile], secrets: Mapping[str, str]
) -> Iterator[Check]:
    """Yield the checks of an image; `secrets` is name -> value of what must not be in it. No value is ever shown."""
    rules = {"compilers": COMPILERS, "caches": CACHES, "secret files": SECRET_FILES}
    found: dict[str, list[str]] = {name: [] for name in HINTS}
    wanted = {value.encode(): name for name, value in secrets.items() if len(value) >= LEAST_SECRET}
    # One expression for all: each file is read through once.
    values = re.compile(b"|".join(map(re.escape, wanted))) if wanted else None
    count = layers = 0
    for file in files:
        count, layers = count + 1, file.layer
        place = f"/{file.path} (layer {file.layer})"
        for name, rule in rules.items():
            if file.size and rule.fullmatch(file.path):
                found[name].append(place)
        if values and (hits := set(values.findall(file.read()))):
            found["secret values"] += [f"{wanted[hit]} in {place}" for hit in sorted(hits)]
    if values:
        hits = set(values.findall(configuration.encode()))
        found["secret values"] += [f"{wanted[hit]} in its configuration or history" for hit in sorted(hits)]
    looked = f"none in {count} files of {layers} layers"
    for name, places in found.items():
        if places:
            more = f" and {len(places) - SHOWN} more" if len(places) > SHOWN else ""
            yield Check(subject, name, "failed", f"{', '.join(places[:SHOWN])}{more}", HINTS[name])
        else:
            extra = f"; {len(wanted)} values looked for" if name == "secret values" else ""
            yield Check(subject, name, "ok", f"{looked}{extra}")
