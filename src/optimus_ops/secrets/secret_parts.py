"""What is secret of a value, and of all values of a file: what is masked in output, each without a line end.

A file that is malformed is read as far as it can be: masking is no place to refuse one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from optimus_ops.errors import OpsError
from optimus_ops.secrets import dotenv, store
from optimus_ops.secrets.rotations_under_way import ROTATIONS
from optimus_ops.secrets.value import Secret
from optimus_ops.secrets.value_types import SEPARATOR
from optimus_ops.system.masking import is_maskable

LONGEST = 1024
"""What is longer is masked in pieces of this length."""
LOGIN = re.compile(r"[A-Za-z0-9_.-]+:(?P<password>\S{16,})")
SECRET_PART = 16
"""Parts of URLs and texts of JSON are masked from this length on: shorter ones are often names."""


def secret_parts(key: str, value: str) -> Iterator[str]:
    """Yield what is secret of a value, none with a line end: its lines, keys of a pool, parts of URLs and of JSON."""
    if "_KEYS" in key:
        yield from (part.strip() for part in SEPARATOR.split(value))
    else:
        lines = [line for line in value.splitlines() if not line.startswith("-----")]
        yield from (line[begin : begin + LONGEST] for line in lines for begin in range(0, len(line), LONGEST))
    if "://" in value:
        yield from _url_parts(value)
    elif login := LOGIN.fullmatch(value):
        yield login["password"]
    if value.startswith("{"):
        yield from (part for text in _texts(value) for part in text.splitlines() if len(part) >= SECRET_PART)


def unmasked(values: Mapping[str, Secret]) -> tuple[str, ...]:
    """Return the keys whose values are too short to be masked in output."""
    return tuple(key for key, value in values.items() if value and not _is_masked(key, value.reveal()))


def _is_masked(key: str, value: str) -> bool:
    # The last line of a long value may be short.
    return all(map(is_maskable, secret_parts(key, value) if "_KEYS" in key else (value,)))


def parts_of_file(path: Path) -> Iterator[str]:
    """Yield what is secret of a file: of secrets, of a version of them, or of a rotation; nothing of none."""
    try:
        stored = store.read(path)
    except OpsError:
        return
    text = stored.content.reveal() if stored else ""
    if path.parent.parent.name == ROTATIONS:
        # One value, of whichever key.
        yield from secret_parts("", text)
        return
    if text.startswith("{"):
        # A version: what is known of it stands in front.
        text = text.partition("\n")[2]
    try:
        values = {key: value.reveal() for key, value in dotenv.parse(text, path.name).values.items()}
    except OpsError:
        values = dict(_roughly(text))
    for key, value in values.items():
        yield from secret_parts(key, value)


def _roughly(text: str) -> Iterator[tuple[str, str]]:
    """Yield what looks like an assignment in a file that is malformed."""
    for number, line in enumerate(text.splitlines()):
        key, found, value = line.strip().removeprefix("export ").partition("=")
        if found and not key.startswith("#"):
            # A number keeps a key that is there twice apart.
            yield f"{key}:{number}:{'_KEYS' if '_KEYS' in key else ''}", value.strip().strip("'\"")


def _url_parts(value: str) -> Iterator[str]:
    try:
        parts = urlsplit(value)
        password = parts.password or ""
    except ValueError:
        return
    yield password
    yield unquote(password)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    if len(path) >= SECRET_PART:
        yield path


def _texts(value: str) -> Iterator[str]:
    try:
        document: Any = json.loads(value)
    except ValueError:
        return
    waiting = [document]
    while waiting:
        match waiting.pop():
            case str(text):
                yield text
            case dict(members):
                waiting += members.values()
            case list(members):
                waiting += members
