"""Asking a target about values until it says what is wanted, or time is up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from optimus_ops.rotation.model import Validity, ValuePair
from optimus_ops.rotation.rotator import Rotator, TargetFailed
from optimus_ops.secrets.value import Secret
from optimus_ops.system.wait import Clock, wait_until

WITHIN_SECONDS = 30.0
POLL_SECONDS = 0.5
CLASSES = ("0123456789", "abcdef", "ABCDEF", "ghijklmnopqrstuvwxyz", "GHIJKLMNOPQRSTUVWXYZ", "-_")


@dataclass(frozen=True)
class Examiner:
    """Asks the target of one pair of values; what it doesn't know (429, 5xx, no answer) is asked again."""

    rotator: Rotator
    pair: ValuePair
    clock: Clock
    seconds: float = WITHIN_SECONDS

    def expect_valid(self, value: Secret, what: str) -> None:
        """Wait until a value is valid: what was just installed may take a moment to get everywhere.

        Raises:
            TargetFailed: it is not.
        """
        self._expect(value, Validity.VALID, what)

    def expect_invalid(self, value: Secret, what: str) -> None:
        """Wait until a value is refused, likewise."""
        self._expect(value, Validity.INVALID, what)

    def expect_corrupted_invalid(self) -> None:
        """Have the target refuse a value that never was one; where it takes that, nothing it says can be relied on."""
        found, reason = self._ask(corrupted(self.pair.new), lambda found: found is not Validity.UNKNOWN)
        if found is Validity.VALID:
            raise TargetFailed(
                f"{self.pair.key}: the target ({self.rotator.name}) takes a corrupted value for a valid one",
                "it checks nothing, or something else answers in its place",
            )
        self._refuse(found, reason, Validity.INVALID, "a corrupted value")

    def _expect(self, value: Secret, wanted: Validity, what: str) -> None:
        found, reason = self._ask(value, lambda found: found is wanted)
        self._refuse(found, reason, wanted, what)

    def _ask(self, value: Secret, enough: Callable[[Validity], bool]) -> tuple[Validity, str]:
        """Return the answer that is enough, or the last one in time, and why there was no usable one."""
        found, reason = Validity.UNKNOWN, ""

        def answered() -> bool:
            nonlocal found, reason
            try:
                found, reason = self.rotator.probe(self.pair, value), ""
            except TargetFailed as error:
                found, reason = Validity.UNKNOWN, error.message
            return enough(found)

        wait_until(answered, self.seconds, poll=POLL_SECONDS, clock=self.clock)
        return found, reason

    def _refuse(self, found: Validity, reason: str, wanted: Validity, what: str) -> None:
        if found is wanted:
            return
        why = f" ({reason})" if reason else ""
        says = f"gives no usable answer about it{why}" if found is Validity.UNKNOWN else f"says it is {found.value}"
        raise TargetFailed(
            f"{self.pair.key}: {what} should be {wanted.value}, and after {self.seconds:.0f} s its target"
            f" ({self.rotator.name}) {says}",
            "look at the target; then: invoke secrets.rotate --resume, or --rollback",
        )


def corrupted(value: Secret) -> Secret:
    """Return a value of the same form in which a character in the middle is another one."""
    text = value.reveal()
    middle = len(text) // 2
    for offset in range(len(text)):
        place = (middle + offset) % len(text)
        for letters in CLASSES:
            if text[place] in letters:
                other = letters[(letters.index(text[place]) + 1) % len(letters)]
                return Secret(f"{text[:place]}{other}{text[place + 1 :]}")
    return Secret(f"{text}0")
