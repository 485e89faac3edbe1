"""Values that a person makes and revokes at the other side: pasted here, tried where that is possible."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from optimus_ops.errors import Refused
from optimus_ops.rotation.context import RotationContext, nobody_to_ask
from optimus_ops.rotation.model import Validity, ValuePair
from optimus_ops.rotation.pools import with_current
from optimus_ops.rotation.providers.settings import settings_of
from optimus_ops.rotation.rotator import TargetFailed
from optimus_ops.secrets.entry import Entry
from optimus_ops.secrets.operator_input import agrees, read_value
from optimus_ops.secrets.value import Secret
from optimus_ops.system.output_masking import OUTPUT

GRACE_SECONDS = 60.0

Probe = Callable[[Secret], Validity]


def make_rotator(context: RotationContext) -> AssistedRotator:
    """Return the rotator of a project: who is at the terminal is asked, else standard input is read."""

    def probe_of(key: str) -> Probe | None:
        endpoint = settings_of(context, key).endpoint
        return None if endpoint is None else lambda value: endpoint.probe(value)[0]

    ask = None if context.ask is nobody_to_ask else context.ask
    return AssistedRotator(context.entries, context.values, probe_of, ask, read_new_value)


@dataclass
class AssistedRotator:
    """Asks for the new value, and whether the old one is revoked.

    Args:
        probe_of: returns what tries a value of a key; None where nothing does: what the operator says counts then.
        ask: asks without echo; None where nobody is there.
        read: reads a value from standard input; of a pool (True) one line.
    """

    entries: Mapping[str, Entry]
    values: Callable[[], Mapping[str, Secret]]
    probe_of: Callable[[str], Probe | None]
    ask: Callable[[str], Secret] | None
    read: Callable[[bool], Secret]
    name: str = "assisted"
    _revoked: set[Secret] = field(default_factory=set, repr=False)

    def check(self, key: str, old: Secret) -> None:
        """Refuse where the value in use isn't valid, or nobody could say that it was revoked."""
        probe = self.probe_of(key)
        if probe is None and self.ask is None:
            raise Refused(f"{key}: nobody can confirm that the old value is revoked", "run it at a terminal")
        if probe is not None and probe(old) is Validity.INVALID:
            raise Refused(f"the value of {key} that is in use is refused already", f"invoke secrets.set {key}")

    def mint(self, key: str, _rotation: str, old: Secret) -> Secret:
        """Return the value that the operator pastes, or that standard input has."""
        if self.ask is None:
            value = self.read(self._is_pool(key))
        else:
            value = self._asked(
                f"\n{self._subject(key)}\nMake a new one there, leave the old one valid, and paste the new one.\n"
                # What stands in the last line is overwritten by the progress of the step.
                "New value"
            )
        OUTPUT.add(value.reveal())
        if not value or value == old:
            raise Refused(f"no {'other ' if value else ''}value of {key} was given", "nothing was changed")
        if self._is_pool(key) and "," in value.reveal():
            raise Refused(f"{key}: one key of the pool is replaced at a time", "paste one, without a comma")
        return value

    def discard(self, _key: str, _rotation: str, _old: Secret) -> None:
        """Do nothing: what was made is known to whoever made it."""

    def install(self, _pair: ValuePair) -> None:
        """Do nothing: both are valid at the other side."""

    def probe(self, pair: ValuePair, value: Secret) -> Validity:
        """Try a value; where that can't be done, the two that the operator named are valid until said to be revoked."""
        if probe := self.probe_of(pair.key):
            return probe(value)
        return Validity.VALID if value in (pair.old, pair.new) and value not in self._revoked else Validity.INVALID

    def file_values(self, pair: ValuePair, *, current: Secret) -> Mapping[str, Secret]:
        """Return the key, or its pool, with one of both."""
        return with_current(pair, self.values(), current)

    def settled_values(self, pair: ValuePair, *, current: Secret) -> Mapping[str, Secret]:
        """Return the same."""
        return self.file_values(pair, current=current)

    def old_uses(self, _pair: ValuePair) -> str:
        """Return nothing: only the other side knows."""
        return ""

    def disable(self, pair: ValuePair, value: Secret) -> None:
        """Have the operator revoke a value, and believe it only where it can't be tried.

        Raises:
            TargetFailed: it is not revoked, or nobody could say so.
        """
        which = "old" if value == pair.old else "new"
        probe = self.probe_of(pair.key)
        if probe is not None and probe(value) is Validity.INVALID:
            return
        if self.ask is None:
            raise TargetFailed(
                f"{pair.key}: its {which} value is still valid: revoke it where it was made",
                f"then: invoke secrets.rotate {'--resume' if which == 'old' else '--rollback'}",
            )
        answer = self._asked(
            f"\n{self._subject(pair.key)}\nRevoke the {which} value there: nothing uses it now. "
            "Is it revoked? Say yes.\nRevoked"
        )
        if not agrees(answer.reveal()):
            raise TargetFailed(
                f"{pair.key}: its {which} value is not revoked yet",
                f"then: invoke secrets.rotate {'--resume' if which == 'old' else '--rollback'}",
            )
        self._revoked.add(value)

    def grace_seconds(self, _key: str) -> float:
        """Return the seconds in which requests end that were begun with the old value."""
        return GRACE_SECONDS

    def _asked(self, prompt: str) -> Secret:
        try:
            return self.ask(prompt) if self.ask else Secret("")
        except EOFError:
            return Secret("")

    def _is_pool(self, key: str) -> bool:
        entry = self.entries.get(key)
        return entry is not None and entry.type == "keys"

    def _subject(self, key: str) -> str:
        entry = self.entries.get(key)
        return f"{key}: {' '.join(entry.description)}" if entry and entry.description else key


def read_new_value(one_line: bool) -> Secret:
    """Read a value from standard input; of several members of a pool, each on a line of its own, the next one."""
    return read_value("the new value", one_line=one_line)
