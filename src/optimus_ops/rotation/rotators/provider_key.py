"""Keys of LLM providers: minted and revoked by the provider's admin API; by hand where it has none.

What is minted is named after the rotation. So a reply that was lost leaves something that is found by its name: it is
revoked, and another key minted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from optimus_ops.errors import OpsError
from optimus_ops.rotation.context import RotationContext
from optimus_ops.rotation.model import Validity, ValuePair
from optimus_ops.rotation.pools import with_current
from optimus_ops.rotation.providers.provider import Provider, ReplyLost
from optimus_ops.rotation.providers.settings import provider_of
from optimus_ops.rotation.rotator import Rotator, TargetFailed
from optimus_ops.rotation.rotators import assisted
from optimus_ops.secrets.value import Secret
from optimus_ops.system.wait import Clock, wait_until

MINT_TRIES = 3
GRACE_SECONDS = 60.0
"""Requests that were under way with the old key have ended by then."""
RECENT_SECONDS = 30.0
DISABLED_SECONDS = 30.0


def make_rotator(context: RotationContext) -> ProviderKeyRotator:
    """Return the rotator of a project: for each key that of its provider, the assisted one where there is no API."""
    by_hand = assisted.make_rotator(context)

    def rotator_for(key: str) -> Rotator:
        provider = provider_of(context, key)
        return MintedKeyRotator(provider, context.values, context.clock) if provider else by_hand

    return ProviderKeyRotator(rotator_for)


@dataclass(frozen=True)
class MintedKeyRotator:
    """Rotates a key at a provider that makes it."""

    provider: Provider
    values: Callable[[], Mapping[str, Secret]]
    clock: Clock
    name: str = "provider-key"

    def check(self, _key: str, old: Secret) -> None:
        """Refuse what the provider can't rotate."""
        self.provider.preflight(old)

    def mint(self, _key: str, rotation: str, _old: Secret) -> Secret:
        """Have the provider make a key; what lost replies left is revoked."""
        for _try in range(MINT_TRIES):
            self._remove(rotation)
            try:
                return self.provider.mint(rotation)
            except ReplyLost as error:
                lost = error
        self._remove(rotation)
        raise TargetFailed(f"no key could be minted: {lost.message}", "nothing is left of it there; try again later")

    def discard(self, _key: str, rotation: str, _old: Secret) -> None:
        """Revoke what was minted."""
        self._remove(rotation)

    def install(self, pair: ValuePair) -> None:
        """Revoke what a reply that came late has left beside the new key; that one is valid since it was minted."""
        self._remove(pair.rotation, keep=pair.new)

    def probe(self, _pair: ValuePair, value: Secret) -> Validity:
        """Use a key."""
        return self.provider.probe(value)

    def file_values(self, pair: ValuePair, *, current: Secret) -> Mapping[str, Secret]:
        """Return the pool with one of both."""
        return with_current(pair, self.values(), current)

    def settled_values(self, pair: ValuePair, *, current: Secret) -> Mapping[str, Secret]:
        """Return the same."""
        return self.file_values(pair, current=current)

    def old_uses(self, pair: ValuePair) -> str:
        """Return when the provider last saw the old key, if that was just now."""
        ago = self.provider.last_used(pair.old)
        return f"a call {ago:.0f} s ago" if ago is not None and ago < RECENT_SECONDS else ""

    def disable(self, pair: ValuePair, value: Secret) -> None:
        """Revoke a key; where the provider can, it is disabled first, and enabled again if it was the wrong one."""
        if value == pair.new:
            self._remove(pair.rotation)
            self.provider.revoke(value)
            return
        self._remove(pair.rotation, keep=pair.new)
        if self.provider.disable(value):
            self._check_disabled(pair, value)
        self.provider.revoke(value)

    def grace_seconds(self, _key: str) -> float:
        """Return the seconds in which requests end that were begun with the old key."""
        return GRACE_SECONDS

    def _check_disabled(self, pair: ValuePair, value: Secret) -> None:
        def as_meant() -> bool:
            found = self.provider.probe(value), self.provider.probe(pair.new)
            return found == (Validity.INVALID, Validity.VALID)

        if not wait_until(as_meant, DISABLED_SECONDS, poll=0.5, clock=self.clock):
            self.provider.enable(value)
            raise TargetFailed(
                f"{pair.key}: with the old key disabled, it is still taken or the new one isn't",
                "it was enabled again; look at the provider, then: invoke secrets.rotate --resume",
            )

    def _remove(self, rotation: str, keep: Secret | None = None) -> None:
        for orphan in self.provider.list_orphans(rotation, keep):
            self.provider.revoke_orphan(orphan)


@dataclass(frozen=True)
class ProviderKeyRotator:
    """Rotates each key as its provider can."""

    rotator_for: Callable[[str], Rotator]
    name: str = "provider-key"

    def check(self, key: str, old: Secret) -> None:
        """Refuse what can't be rotated."""
        self.rotator_for(key).check(key, old)

    def mint(self, key: str, rotation: str, old: Secret) -> Secret:
        """Return a new key."""
        return self.rotator_for(key).mint(key, rotation, old)

    def discard(self, key: str, rotation: str, old: Secret) -> None:
        """Remove what was minted."""
        self.rotator_for(key).discard(key, rotation, old)

    def install(self, pair: ValuePair) -> None:
        """Have both accepted."""
        self.rotator_for(pair.key).install(pair)

    def probe(self, pair: ValuePair, value: Secret) -> Validity:
        """Use a key."""
        return self.rotator_for(pair.key).probe(pair, value)

    def file_values(self, pair: ValuePair, *, current: Secret) -> Mapping[str, Secret]:
        """Return the values of the file while both are valid."""
        return self.rotator_for(pair.key).file_values(pair, current=current)

    def settled_values(self, pair: ValuePair, *, current: Secret) -> Mapping[str, Secret]:
        """Return those of later."""
        return self.rotator_for(pair.key).settled_values(pair, current=current)

    def old_uses(self, pair: ValuePair) -> str:
        """Return what still uses the old key."""
        return self.rotator_for(pair.key).old_uses(pair)

    def disable(self, pair: ValuePair, value: Secret) -> None:
        """Have a key refused."""
        self.rotator_for(pair.key).disable(pair, value)

    def grace_seconds(self, key: str) -> float:
        """Return how long both stay valid; a provider that can't be asked now is asked by `check`."""
        try:
            return self.rotator_for(key).grace_seconds(key)
        except OpsError:
            return GRACE_SECONDS
