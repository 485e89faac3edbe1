"""Values that were rotated away: targets refuse them, so that they must not come back from a backup.

A value is known again by a keyed digest, as in `ages`: nothing can be guessed from what is kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from optimus_ops.engine.keyed_digests import Key
from optimus_ops.errors import OpsError
from optimus_ops.secrets.entry import secondary
from optimus_ops.secrets.value import Secret
from optimus_ops.secrets.value_types import SEPARATOR
from optimus_ops.system.atomic_write import atomic_write

MOST = 100
"""So many values of a key are remembered."""


@dataclass(frozen=True, slots=True)
class RetiredValues:
    """The retired values of a checkout, in its state folder."""

    folder: Path

    @property
    def _path(self) -> Path:
        return self.folder / "secret-retired.json"

    @property
    def _key_path(self) -> Path:
        return self.folder / "secret-ages.key"

    def note(self, key: str, value: Secret) -> None:
        """Remember that nothing accepts a value of a key any more: a whole value, or a member of a pool.

        Raises:
            OpsError: that can't be written down.
        """
        try:
            self._note(Key.made(self._key_path), key, value)
        except OSError as error:
            raise OpsError(f"{self._path.name} can't be written: {error.strerror}", f"look at {self.folder}") from None

    def _note(self, secret: Key, key: str, value: Secret) -> None:
        known = self._known()
        digests = known.get(_base(key), [])
        digest = _digest(secret, key, value.reveal())
        if digest not in digests:
            changed = {**known, _base(key): [*digests, digest][-MOST:]}
            atomic_write(self._path, json.dumps({"keys": changed}, indent=1))

    def found_in(self, values: Mapping[str, Secret]) -> tuple[str, ...]:
        """Return the keys whose value, or a member of it, was rotated away."""
        secret = Key.read(self._key_path)
        known = self._known()
        if secret is None:
            return ()
        return tuple(
            key
            for key, value in values.items()
            if value and any(_digest(secret, key, part) in known.get(_base(key), ()) for part in _parts(value))
        )

    def _known(self) -> dict[str, list[str]]:
        try:
            keys = json.loads(self._path.read_text("utf-8"))["keys"]
        except (OSError, ValueError, KeyError, TypeError):
            return {}
        if not isinstance(keys, dict):
            return {}
        return {key: [str(digest) for digest in found] for key, found in keys.items() if isinstance(found, list)}


def _parts(value: Secret) -> tuple[str, ...]:
    """Return a value and, as the members of a pool of keys stand in one, what its commas and lines separate."""
    text = value.reveal()
    return text, *(part.strip() for part in SEPARATOR.split(text))


def _digest(secret: Key, key: str, value: str) -> str:
    return secret.digest(b"retired", _base(key).encode(), value.encode())


def _base(key: str) -> str:
    """Return the key of which a key holds the second value while that is rotated, else the key itself."""
    return key.removesuffix(secondary(""))
