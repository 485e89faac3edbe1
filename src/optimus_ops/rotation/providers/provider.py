"""What makes, revokes and accepts the keys of one pool.

A project adds its own: a package that `[tool.optimus-ops] subsystems` names offers a module `providers`:

    def providers() -> Mapping[str, Callable[[ProviderSettings], Provider]]: ...

and `.env.models` says which pool is made by it: `ACME_ADMIN_API=acme`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from optimus_ops.rotation.model import Validity
from optimus_ops.rotation.rotator import TargetFailed
from optimus_ops.secrets.value import Secret


class ReplyLost(TargetFailed):
    """A key may have been made, and its value is not known: the answer did not come, or can't be read."""


class Provider(Protocol):
    """One account of a provider. Each call can be made again; errors are `TargetFailed` and hold no value."""

    def preflight(self, value: Secret) -> None:
        """Refuse a key that can't be rotated now: it isn't known there, or nothing may be changed."""

    def mint(self, name: str) -> Secret:
        """Make a key under a name.

        Raises:
            ReplyLost: it may have been made.
        """

    def probe(self, value: Secret) -> Validity:
        """Use a key."""

    def last_used(self, value: Secret) -> float | None:
        """Return how many seconds ago a key was last used, by the provider's own clock; None if it doesn't say."""

    def disable(self, value: Secret) -> bool:
        """Have a key refused in a way that `enable` undoes; False where there is no such thing."""

    def enable(self, value: Secret) -> None:
        """Undo `disable`."""

    def revoke(self, value: Secret) -> None:
        """Have a key refused for ever; one that is gone already is no error."""

    def list_orphans(self, name: str, keep: Secret | None = None) -> Sequence[str]:
        """Return the ids of what was minted under a name, but for the key `keep`."""

    def revoke_orphan(self, orphan: str) -> None:
        """Revoke what `list_orphans` named."""
