"""The port to what accepts a secret: a database, Redis, a provider, services that verify it.

Each method can be called again after it was cut off at any place: it looks at what is there first. None prints a value
or raises one. A target that gives no usable answer raises `TargetFailed`, and the rotation stays where it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from optimus_ops.errors import OpsError
from optimus_ops.rotation.model import Validity, ValuePair
from optimus_ops.secrets.value import Secret


class TargetFailed(OpsError):  # noqa: N818 - named for what happened, as the library's other errors
    """A target refused, did not answer, or answered what can't be relied on."""


class Rotator(Protocol):
    """Changes one secret at what accepts it."""

    @property
    def name(self) -> str:
        """As `@rotator=NAME` of the template calls it."""

    def check(self, key: str, old: Secret) -> None:
        """Refuse what can't be rotated now, before anything happens; raise `Refused`."""

    def mint(self, key: str, rotation: str, old: Secret) -> Secret:
        """Return a new value; what an earlier call of the same rotation left at the target is removed first."""

    def discard(self, key: str, rotation: str, old: Secret) -> None:
        """Remove what a `mint` of this rotation that was cut off left at the target; its value is not known here."""

    def install(self, pair: ValuePair) -> None:
        """Have the target accept the new value beside the old one; services have the files of `file_values` by then."""

    def probe(self, pair: ValuePair, value: Secret) -> Validity:
        """Ask the target about a value, on a connection of its own; of every node where there are several."""

    def file_values(self, pair: ValuePair, *, current: Secret) -> Mapping[str, Secret]:
        """Return key -> value of the file of secrets while `current` is the value in use (of the pair, one of both).

        An empty value removes the key. Of a pool of keys (`pair.member`), both values are members of it.
        `{key: current, key_SECONDARY: both, a line each}` where services verify it.
        """

    def settled_values(self, pair: ValuePair, *, current: Secret) -> Mapping[str, Secret]:
        """Return key -> value of the file of secrets once only `current` is valid."""

    def old_uses(self, pair: ValuePair) -> str:
        """Return what still uses the old value ("3 sessions of memory_engine_a"); "" if nothing does."""

    def disable(self, pair: ValuePair, value: Secret) -> None:
        """Have the target refuse a value of the pair (the old one at the end, the new one on the way back).

        The files of `settled_values` are with the services by then. On the way back the value may never have been
        installed.
        """

    def grace_seconds(self, key: str) -> float:
        """Return how long both values stay valid after all replicas have the new one, unless the operator says it."""
